"""Unique names, filters, pages and refused fields: what a client must know of the API before it relies on a list."""

import json
import uuid

import kfp_server_api
import pytest

pytestmark = pytest.mark.integration


def chosen(operation, key, **value):
    return json.dumps({"predicates": [{"operation": operation, "key": key, **value}]})


def names(found):
    return [run.display_name for run in found.runs or []]


def test_an_experiment_name_is_taken_once_also_in_other_letters(clients, name):
    create = clients.experiments.experiment_service_create_experiment
    create({"display_name": name})
    assert clients.status(create, {"display_name": name}) == 409
    assert clients.status(create, {"display_name": name.upper()}) == 409


def test_pipeline_and_version_names_are_taken_once(clients, name):
    package = str(clients.package)
    pipeline = clients.uploads.upload_pipeline(package, name=name)
    assert clients.status(clients.uploads.upload_pipeline, package, name=name) == 409
    version = clients.uploads.upload_pipeline_version
    assert version(package, name="sha", pipelineid=pipeline.pipeline_id).pipeline_id == pipeline.pipeline_id
    assert clients.status(version, package, name="sha", pipelineid=pipeline.pipeline_id) == 409
    found = clients.pipelines.pipeline_service_get_pipeline_by_name(name)
    assert found.pipeline_id == pipeline.pipeline_id
    listed = clients.pipelines.pipeline_service_list_pipeline_versions(pipeline.pipeline_id).pipeline_versions
    assert sorted(item.name for item in listed) == sorted([name, "sha"])


def test_a_package_that_is_no_pipeline_is_refused(clients, tmp_path, name):
    (tmp_path / "other.yaml").write_text("a: b")
    assert clients.status(clients.uploads.upload_pipeline, str(tmp_path / "other.yaml"), name=name) == 400


def test_what_is_not_there_is_404(clients):
    unknown = str(uuid.uuid4())
    assert clients.status(clients.runs.run_service_get_run, unknown) == 404
    assert clients.status(clients.pipelines.pipeline_service_get_pipeline, unknown) == 404
    assert clients.status(clients.pipelines.pipeline_service_get_pipeline_by_name, "nobody's") == 404
    assert clients.status(clients.experiments.experiment_service_get_experiment, unknown) == 404
    assert clients.status(clients.runs.run_service_list_runs, experiment_id=unknown) == 404


@pytest.mark.parametrize("field", ["labels", "run_name", "pipelineSpecs"])
def test_a_field_that_is_not_documented_is_400_and_starts_nothing(server, clients, name, field):
    with pytest.raises(kfp_server_api.ApiException) as refused:
        clients.create(name, **{field: "x"})
    assert refused.value.status == 400
    assert field in json.loads(refused.value.body)["message"]
    assert server.workflows()[name] == 0


def test_a_refusal_has_the_gateways_body(clients):
    with pytest.raises(kfp_server_api.ApiException) as refused:
        clients.runs.run_service_get_run("none")
    body = json.loads(refused.value.body)
    assert (body["code"], body["details"], body["error"]) == (5, [], body["message"])


@pytest.mark.parametrize("parameters", [{}, {"kind": 3}, {"unknown": "x"}], ids=["missing", "type", "unknown"])
def test_parameters_that_the_pipeline_does_not_have_are_400(server, clients, name, parameters):
    whole = clients.body(name)["runtime_config"]["parameters"]
    given = {"parameters": {**whole, **parameters} if parameters else {}}
    assert clients.status(clients.create, name, runtime_config=given) == 400
    assert server.workflows()[name] == 0


def test_filters_on_names_see_neither_case_nor_accents(clients, name):
    run = clients.create(f"{name}-Lésion")
    for asked in (f"{name}-LESION", f"{name}-lésion "):
        found = clients.runs.run_service_list_runs(filter=chosen("EQUALS", "display_name", string_value=asked))
        assert [item.run_id for item in found.runs] == [run.run_id]
    found = clients.runs.run_service_list_runs(filter=chosen("IS_SUBSTRING", "display_name", string_value="lEsioN"))
    assert run.run_id in [item.run_id for item in found.runs]


def test_filters_and_together(clients, name):
    experiment = clients.experiments.experiment_service_create_experiment({"display_name": name}).experiment_id
    runs = [clients.create(f"{name}-{number}", experiment_id=experiment) for number in range(3)]
    listed = clients.runs.run_service_list_runs
    two = chosen("IN", "display_name", string_values={"values": [f"{name}-0", f"{name}-2"]})
    assert names(listed(experiment_id=experiment, filter=two, sort_by="display_name desc")) == [
        f"{name}-2",
        f"{name}-0",
    ]
    clients.runs.run_service_terminate_run(runs[1].run_id)
    ended = json.dumps(
        {
            "predicates": [
                {"operation": "IN", "key": "state", "string_values": {"values": ["CANCELING", "FAILED"]}},
                {"operation": "EQUALS", "key": "experiment_id", "string_value": experiment},
                {"operation": "GREATER_THAN", "key": "created_at", "timestamp_value": "2020-01-01T00:00:00Z"},
            ]
        }
    )
    assert names(listed(filter=ended)) == [f"{name}-1"]


def test_an_empty_list_has_no_list(clients, name):
    found = clients.runs.run_service_list_runs(filter=chosen("EQUALS", "display_name", string_value=name))
    assert (found.runs, found.total_size, found.next_page_token) == (None, None, None)


def test_pages_follow_each_other_and_keep_the_filter(clients, name):
    for number in range(5):
        clients.create(f"{name}-{number}")
    query = {
        "filter": chosen("IS_SUBSTRING", "display_name", string_value=name),
        "sort_by": "display_name",
        "page_size": 2,
    }
    seen, token = [], ""
    while True:
        page = clients.runs.run_service_list_runs(**query, page_token=token)
        seen.append(names(page))
        assert page.total_size == 5
        if not (token := page.next_page_token or ""):
            break
    assert [len(part) for part in seen] == [2, 2, 1]
    assert [item for part in seen for item in part] == [f"{name}-{number}" for number in range(5)]


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "{"},
        {"filter": chosen("EQUALS", "labels", string_value="x")},
        {"filter": chosen("IN", "display_name", string_value="x")},
        {"filter": json.dumps({"predicates": [{"op": "EQUALS", "key": "display_name", "string_value": "x"}]})},
        {"sort_by": "display_name sideways"},
        {"page_token": "not one"},
        {"page_size": -1},
    ],
    ids=["no JSON", "unknown key", "IN with one value", "unknown field", "order", "token", "size"],
)
def test_a_list_that_cannot_be_meant_so_is_400(clients, query):
    assert clients.status(clients.runs.run_service_list_runs, **query) == 400
