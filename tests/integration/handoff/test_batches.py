"""Batches are immutable, named by their content, and refused when no run could use them."""

import pytest

from handoff.client import ProblemError
from handoff.schemas.batches import BatchRequest
from tests.integration.handoff.packages import Package, new_uid
from tests.integration.handoff.running import CODE, annotated_study, batch_of, hand_off, running, wait_complete

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def filled(tmp_path_factory, toy_yaml, backing):
    """Two annotated studies, one plain, one whose annotation refers to nothing, one still open."""
    with running(tmp_path_factory.mktemp("home"), settings=backing.settings) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        service.annotated = [annotated_study(service, patient).study for patient in ("P1", "P2")]
        service.plain = Package.of(2, patient="P3")
        service.deliver(service.plain)
        image = Package.of(1, patient="P4")
        dangling = Package.of(1, annotates=(new_uid(),), patient="P4", study=image.study)
        service.deliver(image, dangling)
        service.dangling = image.study
        service.open = Package.of(1, patient="P5")
        service.put(f"/v1/shipments/{service.open.id}", service.open.body())
        for study in (service.plain.study, image.study):
            wait_complete(service, study)
        yield service


def form(service, select, **facts):
    return service.client.form_batch(BatchRequest(project="lungs", select=select, **facts))


def test_annotated_unannotated_and_dangling_studies_are_told_apart(filled):
    truth = {study.study: study.truth for study in filled.client.studies(state="complete")}
    assert [truth[study] for study in filled.annotated] == ["annotated"] * 2
    assert truth[filled.plain.study] == "unannotated"
    assert truth[filled.dangling] == "dangling"


def test_a_batch_holds_the_current_instances_of_its_studies_and_says_what_it_left_out(filled):
    batch = form(filled, "annotated")
    assert (batch.instances, batch.annotations, sum(batch.patients.values())) == (8, 2, 2)
    assert set(batch.provenance.studies) == set(filled.annotated)
    left_out = {item.study: item.reason for item in batch.left_out}
    assert left_out == {filled.dangling: "dangling-references", filled.open.study: "not-complete"}


def test_the_same_content_is_the_same_batch_however_it_was_asked_for(filled):
    by_rule = form(filled, "annotated")
    assert form(filled, {"studies": filled.annotated[::-1]}).id == by_rule.id
    assert form(filled, "annotated", test_percent=30).id != by_rule.id
    assert form(filled, "annotated", spec_digest="d" * 64).id != by_rule.id


def test_the_lines_name_packages_that_are_there_and_split_by_patient(filled):
    lines = filled.lines(form(filled, "annotated"))
    assert len(lines) == 8
    for line in lines:
        assert line.kind == "instance"
        assert filled.store.files.size(line.package.removeprefix(f"{filled.store.files.uri}/")) > 0
    assert len({(line.patient, line.split) for line in lines}) == 2
    assert sum(line.annotation for line in lines) == 2


def test_a_batch_carries_no_time_and_no_address(filled):
    text = form(filled, "annotated").model_dump_json()
    assert "_at" not in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize(
    ("project", "select", "code"),
    [
        ("empty", "all", "batch-empty"),
        ("lungs", "all", "dangling-references"),
        ("lungs", {"studies": ["1.2.3"]}, "study-unknown"),
    ],
)
def test_a_batch_that_no_run_could_use_is_refused(filled, project, select, code):
    with pytest.raises(ProblemError) as refused:
        filled.client.form_batch(BatchRequest(project=project, select=select))
    assert (refused.value.status, refused.value.code) == (422, code)


def test_an_open_study_is_refused_by_name(filled):
    with pytest.raises(ProblemError, match="study-not-complete"):
        form(filled, {"studies": [filled.open.study]})


def test_a_named_study_whose_annotation_refers_to_nothing_is_refused(filled):
    with pytest.raises(ProblemError, match="dangling-references"):
        form(filled, {"studies": [filled.dangling]})


@pytest.mark.parametrize(
    ("yaml", "code"),
    [
        ("a: [", "pipeline-invalid"),
        ("a: b", "pipeline-invalid"),
        (
            "deploymentSpec: {}\nroot: {inputDefinitions: {parameters: {batch_uri: {parameterType: STRING}}}}",
            "pipeline-inputs",
        ),
        ("deploymentSpec: {}\nroot: {inputDefinitions: []}", "pipeline-invalid"),
    ],
)
def test_a_pipeline_that_does_not_keep_the_contract_is_refused(filled, yaml, code):
    with pytest.raises(ProblemError) as refused:
        filled.client.register_pipeline("bad", yaml, CODE)
    assert (refused.value.status, refused.value.code) == (422, code)


def test_other_code_under_the_same_yaml_is_another_version_and_another_handoff(filled, toy_yaml):
    batch = batch_of(filled)
    first = hand_off(filled, batch, spec="versions")
    version = filled.client.register_pipeline("toy", toy_yaml, "e" * 64)
    second = hand_off(filled, batch, spec="versions")
    assert second.key != first.key
    assert second.pipeline_version == version.version
    assert filled.client.cancel(second.id).state == "CANCELED"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"target": "moon"}, "target-unknown"),
        ({"batch": "0" * 64}, "batch-unknown"),
        ({"pipeline": "nothing"}, "pipeline-unknown"),
        ({"parameters": {}}, "parameter-missing"),
        ({"parameters": {"kind": "prepare", "batch_uri": "file:///etc/passwd"}}, "parameter-unknown"),
        ({"parameters": {"kind": "prepare", "other": 1}}, "parameter-unknown"),
        ({"parameters": {"kind": 3}}, "parameter-type"),
        ({"kind": "train"}, "batch-not-prepared"),
        ({"model": "toy:1"}, "model-unfit"),
        ({"kind": "infer"}, "model-unfit"),
    ],
)
def test_a_handoff_that_could_never_run_is_refused_at_once(filled, change, code):
    request = {"kind": "prepare", "batch": batch_of(filled), "pipeline": "toy", "parameters": {"kind": "prepare"}}
    with pytest.raises(ProblemError) as refused:
        filled.client.hand_off(**{**request, **change})
    assert (refused.value.status, refused.value.code) == (422, code)


def test_unknown_ids_are_not_found(filled):
    for path in ("/v1/batches/" + "0" * 64, "/v1/handoffs/" + "0" * 32, "/v1/models/toy:9", "/v1/trace/1.2.3.4"):
        assert filled.get(path).status_code == 404, path
    assert filled.get(f"/v1/results/{'0' * 32}/files/..%2f..%2fhandoff.db").status_code in {404, 422}


def test_the_trace_of_an_instance_names_its_shipment_and_its_batches(filled):
    batch = form(filled, "annotated").id
    line = filled.lines(filled.client.batch(batch))[0]
    trace = filled.client.trace(line.sop_instance_uid)
    assert trace.start == f"instance:{line.sop_instance_uid}"
    assert f"batch:{batch}" in {edge.target for edge in trace.edges}
    assert any(edge.source.startswith("shipment:") for edge in trace.edges)
