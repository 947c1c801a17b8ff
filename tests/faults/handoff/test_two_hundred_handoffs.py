"""200 handoffs are 200 runs at Kubeflow, whatever is refused, lost or killed."""

import time

import pytest

from handoff.handoffs.states import State
from tests.faults.handoff.with_kubeflow import SENT, Killer, WithKubeflow, names
from tests.kubeflow_server.process import KubeflowServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
COUNT = 200
FAULTS = {"refuse": 0.15, "lose": 0.30, "late": 0.10, "late_seconds": [0.2, 1.5], "latency_seconds": [0.0, 0.02]}


def test_two_hundred_handoffs_are_two_hundred_runs(tmp_path, toy_yaml, capsys):
    """15 % refused, 30 % of answers lost, 10 % landing late but within settle, worker and service killed at random."""
    began = time.monotonic()
    execute = "tests.kubeflow_server.execute:toy_step"
    with (
        KubeflowServer(tmp_path / "kubeflow", execute=execute) as server,
        WithKubeflow(tmp_path, server, settle_seconds=6, sweep_seconds=5) as world,
    ):
        world.make_batch(toy_yaml)
        server.meet(**FAULTS, seed=20)
        with Killer(world, 20, kills=8, services=3):
            handoffs = [world.hand_off(number) for number in range(COUNT)]
        if world.service.process.poll() is not None:  # the last kill was after the last handoff
            world.restart_service()
        world.wait_until(handoffs, SENT, 400)
        submitted = time.monotonic() - began
        world.wait_until(handoffs, frozenset({State.SUCCEEDED}), 240)
        views = {name: world.view(handoff) for name, handoff in names(handoffs).items()}
    once = dict.fromkeys(views, 1)
    assert len(once) == COUNT
    assert server.runs() == once
    assert server.workflows() == once
    assert {view.reference: name for name, view in views.items()} == dict(
        server.rows("SELECT run_id, display_name FROM runs")
    )
    with capsys.disabled():
        print(
            f"\n{COUNT} handoffs: {submitted:.0f} s until submitted, {time.monotonic() - began:.0f} s in all;",
            told(server),
        )


def told(server):
    """What the requests met."""
    journal = server.journal()
    fates = [line.get("fate", {}) for line in journal]
    counts = {name: sum(name in fate for fate in fates) for name in ("refused", "lost", "late_seconds")}
    posts = len(server.journal("CreateRun"))
    return f"{posts} CreateRun; of {len(journal)} requests " + ", ".join(f"{n} {name}" for name, n in counts.items())
