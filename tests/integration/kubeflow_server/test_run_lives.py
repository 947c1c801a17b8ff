"""How a run goes on and is ended, and who may ask."""

import hashlib
import json

import pytest

from tests.integration.kubeflow_server.clients import Clients
from tests.kubeflow_server.process import KubeflowServer
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


def state(clients, run):
    return clients.runs.run_service_get_run(run.run_id).state


def test_terminate_is_200_once_then_400_and_the_run_ends_failed(clients, name):
    run = clients.create(name)
    terminate = clients.runs.run_service_terminate_run
    assert [clients.status(terminate, run.run_id) for _ in range(3)] == [200, 400, 400]
    wait_for(lambda: state(clients, run) == "FAILED")
    assert clients.status(terminate, run.run_id) == 400


def test_retry_is_409_before_the_run_failed_and_then_the_same_workflow_goes_on(server, clients, name):
    run = clients.create(name)
    retry = clients.runs.run_service_retry_run
    assert clients.status(retry, run.run_id) == 409
    clients.runs.run_service_terminate_run(run.run_id)
    wait_for(lambda: state(clients, run) == "FAILED")
    assert clients.status(retry, run.run_id) == 200
    wait_for(lambda: state(clients, run) == "RUNNING")
    assert server.workflows()[name] == 1


def test_an_archived_run_is_still_listed(clients, name):
    run = clients.create(name)
    clients.runs.run_service_archive_run(run.run_id)
    assert clients.runs.run_service_get_run(run.run_id).storage_state == "ARCHIVED"


def test_a_run_that_has_not_ended_ended_in_1970(clients, name):
    assert clients.create(name).finished_at.year == 1970


def test_kfps_own_client_makes_an_experiment_a_version_and_a_run_and_sees_it_end(tmp_path, toy_package, kfp_client):
    with KubeflowServer(tmp_path) as server:
        client = kfp_client(server)
        experiment = client.create_experiment("lungs")
        assert client.create_experiment("lungs").experiment_id == experiment.experiment_id
        pipeline = client.upload_pipeline(str(toy_package), "toy")
        version = client.upload_pipeline_version(str(toy_package), "sha", pipeline_id=pipeline.pipeline_id)
        parameters = {"batch_uri": "file:///b", "handoff_key": "k", "result_uri": "file:///r", "kind": "prepare"}
        ids = {"pipeline_id": pipeline.pipeline_id, "version_id": version.pipeline_version_id}
        run = client.run_pipeline(experiment.experiment_id, "job", params=parameters, **ids)
        assert client.wait_for_run_completion(run.run_id, 120, sleep_duration=1).state == "SUCCEEDED"
        assert {line["status"] for line in server.journal()} == {200}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", ["toy_step", "kfp_local"])
def test_steps_really_run_and_leave_a_result(tmp_path, toy_package, way):
    result = tmp_path / "results" / ("a" * 64)
    lines = [{"annotation": None, "patient": "P1", "study": "1.2", "series": "1.2.3"}]
    (tmp_path / "batch.jsonl").write_text("\n".join(map(json.dumps, lines)))
    parameters = {
        "batch_uri": (tmp_path / "batch.jsonl").as_uri(),
        "handoff_key": "a" * 64,
        "result_uri": result.as_uri(),
        "kind": "prepare",
    }
    with KubeflowServer(tmp_path / "kubeflow", execute=f"tests.kubeflow_server.execute:{way}") as server:
        clients = Clients(server, toy_package)
        run = clients.create("job", runtime_config={"parameters": parameters})
        wait_for(lambda: state(clients, run) == "SUCCEEDED", 240)
        crash = clients.create("crash", runtime_config={"parameters": {**parameters, "spoil": "crash"}})
        wait_for(lambda: state(clients, crash) == "FAILED", 240)
    written = json.loads((result / "result.json").read_text())
    assert written["handoff_key"] == "a" * 64
    assert written["volumes"][0]["digest"] == hashlib.sha256(b"1.2.3").hexdigest()


def test_only_the_right_token_is_heard(tmp_path, toy_package):
    with KubeflowServer(tmp_path, token="right") as server:
        for token, status in ((None, 401), ("wrong", 401), ("right", 200)):
            clients = Clients(server, toy_package, token)
            assert clients.status(clients.runs.run_service_list_runs) == status
        assert "right" not in json.dumps(server.journal())


def test_with_many_users_an_experiment_belongs_to_a_namespace_and_its_runs_too(tmp_path, toy_package):
    with KubeflowServer(tmp_path, multi_user=True) as server:
        clients = Clients(server, toy_package)
        create = clients.experiments.experiment_service_create_experiment
        assert clients.status(create, {"display_name": "lungs"}) == 400
        first = create({"display_name": "lungs", "namespace": "radiology"})
        assert create({"display_name": "lungs", "namespace": "cardiology"}).experiment_id != first.experiment_id
        clients.create("job", experiment_id=first.experiment_id)
        listed = clients.runs.run_service_list_runs
        assert clients.status(listed) == 400
        assert [listed(namespace=n).total_size for n in ("radiology", "cardiology")] == [1, None]
