"""A service that is killed again and again: each study that arrives is prepared once and trained on once."""

import random
import time

import pytest

from handoff.handoffs.states import State
from tests.integration.handoff.packages import Package, evidence_for
from tests.integration.handoff.running import CODE, RunningHandoff, compile_toy, starts
from tests.waiting import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
STUDIES = 3
RULE = {
    "when": {"trigger": "study"},
    "prepare": {"pipeline": "toy", "parameters": {"kind": "prepare"}},
    "then": {"kind": "train", "pipeline": "toy", "parameters": {"kind": "train"}},
}


def fired(service: RunningHandoff) -> int:
    return len(list(service.client.firings("lungs", "each", "fired")))


def test_a_service_that_is_killed_at_any_moment_decides_each_study_once(tmp_path):
    """The same pipeline under a new version after each kill: what was decided by name is not decided again."""
    chance = random.Random(20260529)
    settings = {"projects": {"lungs": {"rules": {"each": RULE}}}, "targets": {"local": {"runs": 2}}}
    service = RunningHandoff(tmp_path, worker=True, settings=settings).start()
    toy = compile_toy(tmp_path / "toy.yaml")
    service.client.register_pipeline("toy", toy, CODE)
    for number in range(STUDIES):
        package = Package.of(1, patient=f"P{number}")
        service.put(f"/v1/shipments/{package.id}", package.body())
        service.client.put_evidence(evidence_for(package))
        time.sleep(chance.uniform(0.2, 2.0))
        service.kill()
        service.start()
        service.client.register_pipeline("toy", toy, f"{number}".ljust(64, "0"))
    wait_for(lambda: fired(service) == STUDIES, seconds=240)
    handoffs = [service.client.wait(view.id, 240) for view in list(service.client.handoffs("lungs"))]
    assert sorted(view.kind for view in handoffs) == ["prepare"] * STUDIES + ["train"] * STUDIES
    assert [(view.state, starts(service, view)) for view in handoffs] == [(State.SUCCEEDED, 1)] * 2 * STUDIES
    assert len({(view.kind, view.batch) for view in handoffs}) == 2 * STUDIES
    assert service.stop() == 0
