"""200 handoffs are 200 runs on this machine, whatever is killed."""

import random
import threading
import time

import httpx
import pytest

from handoff.handoffs.states import State
from tests.integration.handoff.running import CODE, RunningHandoff, annotated_study, batch_of, start_worker, starts
from tests.waiting import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
COUNT = 200
AHEAD = 30
SETTINGS = {"targets": {"local": {"backend": "kfp-local", "runs": 4}}}


def test_two_hundred_handoffs_are_two_hundred_local_runs(tmp_path, toy_yaml, capsys):
    """The worker is killed 12 times and the service 4 times, each after some more runs were begun."""
    began = time.monotonic()
    service = RunningHandoff(tmp_path, settings=SETTINGS).start()
    service.client.register_pipeline("toy", toy_yaml, CODE)
    annotated_study(service)
    batch = batch_of(service)
    serving, worker = threading.Event(), []
    serving.set()
    killer = threading.Thread(target=kill_at_random, args=(service, serving, worker, random.Random(7)))
    killer.start()
    views = [hand_off(service, serving, batch, number) for number in range(COUNT)]
    killer.join()
    try:
        wait_for(lambda: still_to_succeed(service) == 0, 600, lambda: f"{still_to_succeed(service)} have not succeeded")
    finally:
        worker[0].terminate()
        worker[0].wait(timeout=60)
        service.stop()
    assert len({view.key for view in views}) == COUNT
    assert [starts(service, view) for view in views] == [1] * COUNT
    assert {folder.name for folder in (tmp_path / "research/runs").glob("[0-9a-f]*")} == {view.key for view in views}
    with capsys.disabled():
        print(f"\n{COUNT} local runs: {time.monotonic() - began:.0f} s in all")


def hand_off(service, serving, batch, number):
    """Decide, not long before there is room for the run, until the service has taken it: it may be killed meanwhile."""
    wait_for(lambda: runs_begun(service) >= number - AHEAD, 120)
    while True:
        serving.wait()
        try:
            return service.client.hand_off(
                kind="prepare",
                batch=batch,
                pipeline="toy",
                target="local",
                parameters={"kind": "prepare", "spec": f"number {number}"},
            )
        except (httpx.TransportError, RuntimeError):  # killed in the middle, or httpx: the client has been closed
            continue


def kill_at_random(service, serving, last, choose) -> None:
    """Kill the worker after 3 to 14 further runs were begun, and now and then the service; the last worker lives."""
    begun = 0
    for number in range(12):
        worker = start_worker(service.home)
        begun += choose.randint(3, 14)
        wait_for(lambda begun=begun: runs_begun(service) >= begun, 120)
        time.sleep(choose.uniform(0.0, 0.1))
        worker.kill()
        worker.wait()
        if number % 3 == 0:
            serving.clear()
            service.kill()
            service.start()
            serving.set()
    last.append(start_worker(service.home))


def still_to_succeed(service) -> int:
    """Handoffs that have not succeeded, as a person who looks now and then sees them."""
    time.sleep(0.5)
    return COUNT - len(list(service.client.handoffs(state=State.SUCCEEDED)))


def runs_begun(service) -> int:
    """Runs that a process has claimed."""
    return len(list((service.home / "research/runs").glob("*/started.json")))
