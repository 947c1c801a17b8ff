"""MLflow is told of each handoff and model version once, whatever answer is lost, and nothing waits for it."""

import json
import os
import subprocess
import sys

import pytest

from handoff.handoffs.states import State
from handoff.mirrors import outbox
from tests.cutting_proxy import CuttingProxy
from tests.integration.handoff.running import CODE, annotated_study, batch_of, hand_off, running, start_worker
from tests.integration.mirrors.told import BATCH, SPEC, Asked, Told, pairs
from tests.loopback import free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="session")
def asked(mlflow):
    with Asked(mlflow.url) as asked:
        yield asked


def test_a_handoff_is_one_run_from_its_submission_to_its_end(told, asked):
    handoff_id = told.submitted(steps=3)
    told.start()
    told.wait()
    (begun,) = asked.runs(told.project)
    assert begun["info"]["status"] == "RUNNING"
    told.end(handoff_id, dice_test=0.75)
    told.wait()
    (run,) = asked.runs(told.project)
    assert (run["info"]["run_id"], run["info"]["status"]) == (begun["info"]["run_id"], "FINISHED")
    assert pairs(run["data"]["params"]) == {"kind": "train", "pipeline": "toy", "target": "local", "steps": "3"}
    assert pairs(run["data"]["metrics"]) == {"dice_test": 0.75}
    tags = pairs(run["data"]["tags"])
    assert (tags["handoff.key"], tags["handoff.state"]) == (told.key(handoff_id), "SUCCEEDED")
    assert (tags["sluice.batch"], tags["sluice.spec_digest"]) == (BATCH, SPEC)
    assert (tags["sluice.yaml_digest"], tags["sluice.code_digest"]) == ("7" * 64, "c" * 64)
    (data_set,) = run["inputs"]["dataset_inputs"]
    assert data_set["dataset"]["digest"] == BATCH[:36]
    assert pairs(data_set["tags"]) == {"mlflow.data.context": "training"}


def test_a_run_tells_how_long_it_took_and_not_when_it_was(told, asked):
    handoff_id = told.submitted("infer")
    told.end(handoff_id)
    told.start()
    told.wait()
    (run,) = asked.runs(told.project)
    begun, ended = int(run["info"]["start_time"]), int(run["info"]["end_time"])
    assert begun == 1
    assert 5_000 <= ended - begun < 60_000


@pytest.mark.parametrize(
    ("state", "status"), [(State.FAILED, "FAILED"), (State.CANCELED, "KILLED"), (State.LOST, "FAILED")]
)
def test_other_ends_are_told_as_what_they_were(told, asked, state, status):
    told.end(told.submitted("prepare"), state)
    told.start()
    told.wait()
    (run,) = asked.runs(told.project)
    assert (run["info"]["status"], pairs(run["data"]["tags"])["handoff.state"]) == (status, state.value)


def test_a_model_version_is_registered_once_with_the_run_that_made_it(told, asked):
    told.end(told.submitted(), dice_test=0.5)
    told.end(told.submitted(), dice_test=0.6)
    told.start()
    told.wait()
    versions = asked.versions(told.model)
    assert sorted(pairs(version["tags"])["sluice.model"] for version in versions) == [
        f"{told.model}:1",
        f"{told.model}:2",
    ]
    runs = {run["info"]["run_id"] for run in asked.runs(told.project)}
    assert {version["run_id"] for version in versions} == runs
    with told.database.write() as session:
        outbox.announce(session, "mlflow", "model", f"{told.model}:1")
    told.wait()
    assert len(asked.versions(told.model)) == 2


def test_what_was_measured_of_a_version_later_is_a_run_and_stands_at_the_version(told, asked):
    told.end(told.submitted(), dice_test=0.5)
    told.start()
    told.wait()
    told.measure(1, dice_test=0.25, test_volumes=4)
    told.wait()
    (run,) = [run for run in asked.runs(told.project) if pairs(run["data"]["params"])["kind"] == "evaluate"]
    assert pairs(run["data"]["metrics"]) == {"dice_test": 0.25, "test_volumes": 4.0}
    assert pairs(run["data"]["tags"])["sluice.uses_model"] == f"{told.model}:1"
    (version,) = asked.versions(told.model)
    assert pairs(version["tags"])["sluice.evaluated.dice_test"] == "0.25"
    assert pairs(version["tags"])["sluice.evaluated.test_volumes"] == "4.0"


def test_an_alias_stands_at_mlflow_for_the_version_that_it_stands_for_here(told, asked):
    told.end(told.submitted(), dice_test=0.5)
    told.end(told.submitted(), dice_test=0.6)
    told.promote(1)
    told.promote(2)
    told.start()
    told.wait()
    version = asked.alias(told.model, "champion")
    assert pairs(version["tags"])["sluice.model"] == f"{told.model}:2"


def test_lost_answers_leave_one_run_and_one_version(told, asked, proxy):
    calls = [b"runs/create", b"runs/update", b"model-versions/create"]
    for call in calls:
        proxy.lose(call)
    told.end(told.submitted(), dice_test=0.5)
    told.start()
    told.wait()
    assert len(proxy.lost) == len(calls)
    (run,) = asked.runs(told.project, "ALL")
    assert (run["info"]["status"], pairs(run["data"]["metrics"])) == ("FINISHED", {"dice_test": 0.5})
    assert len(run["inputs"]["dataset_inputs"]) == 1
    assert len(asked.versions(told.model)) == 1


def test_a_duplicate_that_is_found_later_is_marked_and_deleted(told, asked):
    handoff_id = told.submitted("infer")
    told.start()
    told.wait()
    tag = {"key": "handoff.key", "value": told.key(handoff_id)}
    asked.post("runs/create", experiment_id=asked.experiment(told.project), start_time=1, tags=[tag])
    told.end(handoff_id)
    told.wait()
    (kept,) = asked.runs(told.project)
    (deleted,) = asked.runs(told.project, "DELETED_ONLY")
    assert pairs(deleted["data"]["tags"])["handoff.duplicate_of"] == kept["info"]["run_id"]
    assert kept["info"]["status"] == "FINISHED"


def test_a_server_that_is_away_is_waited_for_and_told_everything_later(tmp_path, mlflow, asked):
    port = free_port()
    with Told(tmp_path, f"http://127.0.0.1:{port}") as told:
        handoff_id = told.submitted()
        told.start()
        wait_for(lambda: told.rows().get(handoff_id) == ("waiting", "unreachable"))
        told.end(handoff_id, dice_test=0.5)
        with CuttingProxy(mlflow.port, port):
            told.wait()
            (run,) = asked.runs(told.project)
    assert run["info"]["status"] == "FINISHED"


def test_what_mlflow_refuses_is_a_dead_letter_with_its_reason_and_a_restart_tries_again(told, asked, monkeypatch):
    monkeypatch.setattr(outbox, "_LONGEST_PAUSE", 0.01)
    handoff_id = told.submitted("infer", steps=3)
    thread = told.start()
    told.wait()
    (run,) = asked.runs(told.project)
    asked.post("runs/delete", run_id=run["info"]["run_id"])
    asked.post("experiments/delete", experiment_id=asked.experiment(told.project))
    told.end(handoff_id)
    wait_for(lambda: told.rows()[handoff_id][0] == "dead")
    assert told.rows()[handoff_id][1] == "experiment-deleted"
    thread.stop()
    asked.post("experiments/restore", experiment_id=asked.experiment(told.project))
    told.start()
    told.wait()
    assert [run["info"]["status"] for run in asked.runs(told.project)] == ["FINISHED"]


def test_a_worker_killed_with_a_create_under_way_leaves_one_run_and_no_handoff_waited(
    tmp_path, toy_yaml, mlflow, asked, proxy
):
    mirror = {"tracking_uri": proxy.url, "experiment_prefix": f"sluice/{tmp_path.name[:40]}-"}
    told = {"mirrors": {"mlflow": {**mirror, "http_timeout_seconds": 20}}}
    project = f"{tmp_path.name[:40]}-lungs"
    with running(tmp_path, settings=told) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        annotated_study(service)
        proxy.hold(b"runs/create")
        worker = start_worker(service.home)
        prepared = service.client.wait(hand_off(service, batch_of(service)).id, 150)
        assert prepared.state == State.SUCCEEDED
        assert proxy.held.wait(120)
        worker.kill()
        worker.wait()
        proxy.release()
        worker = start_worker(service.home)
        trained = service.client.wait(hand_off(service, batch_of(service), "train").id, 150)
        try:
            wait_for(
                lambda: [run["info"]["status"] for run in asked.runs(project)] == ["FINISHED"] * 2, 120, lambda: "runs"
            )
            wait_for(lambda: trained.key in {pairs(v["tags"])["handoff.key"] for v in asked.versions("toy")}, 60)
        finally:
            worker.terminate()
            assert worker.wait(120) == 0
    keys = [pairs(run["data"]["tags"])["handoff.key"] for run in asked.runs(project, "ALL")]
    assert sorted(keys) == sorted([prepared.key, trained.key])


def test_mlflows_own_client_reads_what_was_told(told, mlflow):
    handoff_id = told.submitted()
    told.end(handoff_id, dice_test=0.5)
    told.start()
    told.wait()
    code = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])
experiment = client.get_experiment_by_name(f"sluice/{sys.argv[2]}")
(run,) = client.search_runs([experiment.experiment_id], filter_string=f"dataset.digest = '{sys.argv[4]}'")
(version,) = client.search_model_versions(f"name = '{sys.argv[3]}'")
print(json.dumps([run.data.tags["handoff.key"], run.data.metrics, version.run_id == run.info.run_id]))
"""
    quiet = {"PATH": os.environ["PATH"], "MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(told.home.root)}
    command = [sys.executable, "-c", code, mlflow.url, told.project, told.model, BATCH[:36]]
    done = subprocess.run(command, capture_output=True, text=True, env=quiet, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [told.key(handoff_id), {"dice_test": 0.5}, True]
