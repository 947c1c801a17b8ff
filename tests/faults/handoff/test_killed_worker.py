"""A handoff becomes exactly one run, wherever the worker is killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handoff.backends.processes import members
from handoff.handoffs.states import State
from tests.integration.handoff.running import CODE, annotated_study, batch_of, hand_off, running, start_worker, starts
from tests.waiting import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
KILLING = Path(__file__).with_name("killing_worker.py")
POINTS = [
    "before-prepare",
    "after-prepare",
    "before-submit",
    "child-started",
    "after-submit",
    "saw-running",
    "saw-completed",
]


@pytest.fixture(scope="module")
def service(tmp_path_factory, toy_yaml):
    with running(tmp_path_factory.mktemp("home")) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        annotated_study(service)
        yield service


@pytest.fixture
def end(request):
    """Ends processes that a test started."""
    started: list[subprocess.Popen[bytes]] = []
    yield started.append
    for process in started:
        process.terminate()
        process.wait(timeout=120)


def run_of(service, view) -> dict[str, int]:
    return json.loads((service.home / "research/runs" / view.key / "started.json").read_text())


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_leaves_exactly_one_run(service, end, point):
    view = hand_off(service, batch_of(service), seconds=1.0, spec=point)
    killed = subprocess.run([sys.executable, str(KILLING), str(service.home), point], check=False, timeout=240)
    assert killed.returncode == -signal.SIGKILL
    end(start_worker(service.home))
    ended = service.client.wait(view.id, 240)
    assert (ended.state, starts(service, view)) == (State.SUCCEEDED, 1)


def test_workers_killed_at_random_make_each_handoff_one_run(service, end):
    views = [hand_off(service, batch_of(service), seconds=0.2, spec=f"random {number}") for number in range(6)]
    random_times = random.Random(20)
    for _ in range(8):
        worker = start_worker(service.home)
        time.sleep(random_times.uniform(1.5, 4.0))
        worker.kill()
        worker.wait()
    end(start_worker(service.home))
    ended = [service.client.wait(view.id, 400) for view in views]
    assert [view.state for view in ended] == [State.SUCCEEDED] * 6
    assert [starts(service, view) for view in views] == [1] * 6


def test_a_run_outlives_its_worker_and_the_next_worker_finishes_the_books(service, end):
    view = hand_off(service, batch_of(service), seconds=10.0, spec="outlives")
    worker = start_worker(service.home)
    wait_for(lambda: starts(service, view) == 1)
    worker.kill()
    worker.wait()
    owner = run_of(service, view)["pid"]
    os.kill(owner, 0)
    end(start_worker(service.home))
    ended = service.client.wait(view.id, 240)
    assert (ended.state, starts(service, view)) == (State.SUCCEEDED, 1)


def test_a_run_that_dies_without_a_result_fails_and_leaves_no_process(service, end):
    view = hand_off(service, batch_of(service), seconds=600.0, spec="dies")
    end(start_worker(service.home))
    wait_for(lambda: starts(service, view) == 1)
    owner = run_of(service, view)["pid"]
    os.kill(owner, signal.SIGKILL)
    ended = service.client.wait(view.id, 240)
    assert (ended.state, ended.reason) == (State.FAILED, "process-died")
    assert members(owner, view.key) == []
    assert "the step runs" in service.client.logs(view.id)


def test_a_run_whose_folder_is_gone_is_lost(service, end):
    view = hand_off(service, batch_of(service), seconds=600.0, spec="lost")
    worker = start_worker(service.home)
    wait_for(lambda: starts(service, view) == 1)
    wait_for(lambda: service.client.handoff(view.id).state == State.RUNNING)
    worker.kill()
    worker.wait()
    owner = run_of(service, view)["pid"]
    os.killpg(owner, signal.SIGKILL)
    wait_for(lambda: not members(owner, view.key))
    shutil.rmtree(service.home / "research/runs" / view.key)
    end(start_worker(service.home))
    assert service.client.wait(view.id, 240).state == State.LOST


def test_a_worker_that_is_told_so_ends_its_runs_with_itself(service):
    view = hand_off(service, batch_of(service), seconds=600.0, spec="ends with it", spoil="orphan")
    worker = start_worker(service.home, "--end-runs")
    wait_for(lambda: starts(service, view) == 1)
    worker.terminate()
    assert worker.wait(timeout=120) == 0
    assert service.client.handoff(view.id).state == State.CANCELED
    assert members(run_of(service, view)["pid"], view.key) == []


def test_a_run_over_its_time_is_ended_whole(tmp_path, toy_yaml):
    with running(tmp_path, worker=True, settings={"targets": {"local": {"timeout_seconds": 3}}}) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        annotated_study(service)
        view = hand_off(service, batch_of(service), seconds=600.0, spoil="orphan")
        ended = service.client.wait(view.id, 240)
        assert (ended.state, ended.reason) == (State.FAILED, "timeout")
        owner = run_of(service, view)["pid"]
        wait_for(lambda: not members(owner, view.key))
