"""Labels become annotations of batches with their source: by pseudonyms, never by guess, in any order of arrival."""

import json
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from handoff.client import ProblemError
from handoff.contract.batch import read_batch
from handoff.contract.canonical import canonical_json
from handoff.contract.labels import Labels
from handoff.schemas.batches import BatchRequest
from tests.integration.handoff.packages import Package, new_uid
from tests.integration.handoff.running import RunningHandoff, running, wait_complete

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home")) as running_service:
        yield running_service


def study(service: RunningHandoff, project: str, patient: str = "P1") -> Package:
    """A complete study of three slices."""
    images = Package.of(3, patient=patient, project=project)
    service.deliver(images)
    wait_complete(service, images.study)
    return images


def row(images: Package, level: str = "study", **labels: object) -> dict[str, object]:
    """Labels of a study, or of its first slice, its series or its patient."""
    place = {"study": images.study, "series": images.series, "sop_instance_uid": images.uids[0]}
    depth = ("patient", "study", "series", "instance").index(level)
    return {"level": level, "patient": images.patient, **dict(list(place.items())[:depth]), "labels": labels}


def labels(project: str, *rows: dict[str, object], source: str = "radiology", revision: int = 1) -> Labels:
    return Labels.model_validate(
        {
            "labels_id": secrets.token_hex(16),
            "project": project,
            "source": source,
            "revision": revision,
            "rows": rows,
        }
    )


def form(service: RunningHandoff, project: str, select: object = "all", **choice: object):
    return service.client.form_batch(BatchRequest(project=project, select=select, labels=choice))


def label_lines(view) -> list[object]:
    lines = read_batch(Path(unquote(urlsplit(view.uri).path)))
    return [line for line in lines if line.kind == "label"]


def said(view) -> set[tuple[object, ...]]:
    return {(line.level, line.name, line.value, line.source) for line in label_lines(view)}


def test_labels_of_each_level_are_lines_of_the_batch_with_their_source(service):
    images = study(service, "levels")
    service.client.put_labels(
        labels(
            "levels",
            row(images, "patient", smoker=True),
            row(images, "study", grade=2),
            row(images, "series", quality="good"),
            row(images, "instance", diameter_mm=12.5),
        )
    )
    batch = form(service, "levels")
    assert said(batch) == {
        ("patient", "smoker", True, "radiology"),
        ("study", "grade", 2, "radiology"),
        ("series", "quality", "good", "radiology"),
        ("instance", "diameter_mm", 12.5, "radiology"),
    }
    assert batch.labels == 4
    assert batch.label_counts == {"radiology": {"smoker": 1, "grade": 1, "quality": 1, "diameter_mm": 1}}
    [line] = [line for line in label_lines(batch) if line.level == "instance"]
    assert (line.patient, line.study, line.series, line.sop_instance_uid) == (
        images.patient,
        images.study,
        images.series,
        images.uids[0],
    )
    assert {line.split for line in label_lines(batch)} == {"train" if batch.patients["train"] else "test"}


def test_other_labels_make_another_batch_and_the_same_labels_the_same(service):
    images = study(service, "identity")
    without = form(service, "identity")
    first = labels("identity", row(images, grade=1))
    service.client.put_labels(first)
    one = form(service, "identity")
    service.client.put_labels(labels("identity", row(images, grade=1), revision=2))
    again = form(service, "identity")
    service.client.put_labels(labels("identity", row(images, grade=3), revision=3))
    other = form(service, "identity")
    assert len({without.id, one.id, other.id}) == 3
    assert again.id == one.id, "the same values are the same batch, whichever import brought them"
    assert again.provenance.labels == (first.labels_id,)
    assert said(one) == {("study", "grade", 1, "radiology")}
    assert said(other) == {("study", "grade", 3, "radiology")}
    assert form(service, "identity", names=()).id == without.id


def test_the_highest_revision_holds_whatever_arrives_last(service):
    images = study(service, "order")
    service.client.put_labels(labels("order", row(images, grade=2), revision=2))
    service.client.put_labels(labels("order", row(images, grade=1, quality="poor"), revision=1))
    assert said(form(service, "order")) == {
        ("study", "grade", 2, "radiology"),
        ("study", "quality", "poor", "radiology"),
    }


def test_two_sources_stand_beside_each_other_and_may_be_chosen(service):
    images = study(service, "sources")
    service.client.put_labels(labels("sources", row(images, grade=1, quality="good"), source="reader-a"))
    service.client.put_labels(labels("sources", row(images, grade=2), source="reader-b"))
    both = form(service, "sources", names=["grade"])
    assert said(both) == {("study", "grade", 1, "reader-a"), ("study", "grade", 2, "reader-b")}
    assert said(form(service, "sources", sources=["reader-b"])) == {("study", "grade", 2, "reader-b")}
    assert form(service, "sources", names=[]).labels == 0


def test_labels_that_come_before_their_study_are_pending_until_it_arrives(service):
    late = Package.of(2, patient="P9", project="pending")
    document = labels("pending", row(late, grade=1), row(late, "instance", quality="good"))
    service.client.put_labels(document)
    assert service.client.label_document(document.labels_id).pending == {"study": 1, "instance": 1}
    service.deliver(late)
    wait_complete(service, late.study)
    assert service.client.label_document(document.labels_id).pending == {}
    assert form(service, "pending").labels == 2


@pytest.mark.parametrize("wrong", ["project", "patient", "series"])
def test_labels_that_fit_only_in_part_are_never_attached(service, wrong):
    images = study(service, f"misfit-{wrong}")
    misfit = row(images, "series", grade=1)
    project = "elsewhere" if wrong == "project" else images.project
    misfit |= {"patient": "P2"} if wrong == "patient" else {"series": new_uid()} if wrong == "series" else {}
    document = labels(project, misfit)
    service.client.put_labels(document)
    assert form(service, images.project).labels == 0
    assert service.client.label_document(document.labels_id).pending == {"series": 1}


def test_studies_with_a_wanted_label_can_be_selected(service):
    first, second = (study(service, "select", patient) for patient in ("P1", "P2"))
    service.client.put_labels(labels("select", row(first, grade=1)))
    service.client.put_labels(labels("select", row(second, "patient", smoker=False)))
    assert set(form(service, "select", "labelled").provenance.studies) == {first.study, second.study}
    assert set(form(service, "select", "labelled", names=["grade"]).provenance.studies) == {first.study}


def test_a_repeat_gets_the_same_receipt_and_another_document_under_the_id_is_a_conflict(service):
    images = Package.of(1, project="repeat")
    document = labels("repeat", row(images, grade=1))
    path, body = f"/v1/labels/{document.labels_id}", canonical_json(document)
    first, second = service.put(path, body), service.put(path, body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.content == second.content
    assert first.json()["receipt"]["kind"] == "labels"
    other = canonical_json({**document.plain(), "source": "other"})
    assert (service.put(path, other).status_code, service.put(path, other).json()["code"]) == (409, "labels-differ")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"labels_id": "0" * 32}, "labels-other-id"),
        ({"received_at": "2026-01-01"}, "labels-invalid"),
        ({"source": "a person, by name"}, "labels-invalid"),
        ({"rows": []}, "labels-invalid"),
        ({"rows": [{"level": "patient", "patient": "P1", "labels": {"note": "some free text"}}]}, "labels-invalid"),
        ({"rows": [{"level": "study", "patient": "P1", "labels": {"grade": 1}}]}, "labels-invalid"),
        ({"rows": [{"level": "patient", "patient": "P1", "labels": {"grade": 1}}] * 2}, "labels-invalid"),
    ],
    ids=["other id", "a time", "a sentence as source", "no rows", "free text", "a level without its UID", "twice"],
)
def test_a_document_outside_its_closed_shape_is_refused(service, change, code):
    document = {**labels("refused", row(Package.of(1), grade=1)).plain(), **change}
    path = f"/v1/labels/{document['labels_id'] if 'labels_id' not in change else '1' * 32}"
    answer = service.put(path, canonical_json(document))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_trace_leads_from_a_label_document_to_its_batches_and_back(service):
    images = study(service, "traced")
    document = labels("traced", row(images, grade=1))
    service.client.put_labels(document)
    batch = form(service, "traced")
    down, up = service.client.trace(document.labels_id), service.client.trace(batch.id)
    assert (down.start, f"batch:{batch.id}") == (
        f"labels:{document.labels_id}",
        next(edge.target for edge in down.edges),
    )
    assert f"labels:{document.labels_id}" in {edge.source for edge in up.edges}
    assert "_at" not in json.dumps([node.facts for node in up.nodes])


def test_both_tokens_list_label_documents_and_only_one_delivers(service):
    document = labels("listed", row(Package.of(1), grade=1))
    service.client.put_labels(document)
    assert [view.id for view in service.client.labels("listed")] == [document.labels_id]
    assert service.get("/v1/labels", token="token").status_code == 200
    with pytest.raises(ProblemError, match="not-found"):
        service.client.label_document("f" * 32)
