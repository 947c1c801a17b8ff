"""What two hundred runs do not show: commits that land too late, a server that is down, a token that is wrong."""

import pytest

from handoff.handoffs.states import State
from tests.faults.handoff.with_kubeflow import SENT, WithKubeflow, names, rows
from tests.kubeflow_server.process import KubeflowServer
from tests.waiting import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
LATER_THAN_SETTLE = {"late": 1.0, "late_seconds": [200, 200], "only": ["CreateRun"]}
"""Seconds: they are told to land before."""


def test_of_runs_that_land_later_than_settle_one_stays_and_the_others_are_ended_and_recorded(tmp_path, toy_yaml):
    with (
        KubeflowServer(tmp_path / "kubeflow", script={"running_seconds": None}) as server,
        WithKubeflow(tmp_path, server, settle_seconds=4, sweep_seconds=0.5, poll_seconds=0.5) as world,
    ):
        world.make_batch(toy_yaml)
        server.meet(**LATER_THAN_SETTLE)
        handoffs = [world.hand_off(number) for number in range(12)]
        once = dict.fromkeys(names(handoffs), 1)
        world.start_worker()
        wait_for(lambda: len(server.workflows()) >= 3)
        assert server.runs().total() == 0
        server.meet(late=0)
        world.wait_until(handoffs, SENT, 120)
        server.land()
        wait_for(lambda: server.runs() == server.workflows())
        assert server.runs().total() >= len(once) + 3
        wait_for(lambda: server.live() == once, 120, lambda: str(server.live()))
        recorded = "SELECT reference, kept FROM duplicate_runs WHERE ended_at IS NOT NULL"
        others = server.rows("SELECT run_id FROM runs WHERE state IN ('FAILED', 'CANCELING')")
        wait_for(lambda: {row[0] for row in rows(world, recorded)} == {row["run_id"] for row in others})
        views = {name: world.view(handoff) for name, handoff in names(handoffs).items()}
        kept = {view.reference for view in views.values()}
        alive = server.rows("SELECT run_id FROM runs WHERE state NOT IN ('FAILED', 'CANCELING')")
        assert {row["run_id"] for row in alive} == kept
        assert {row[1] for row in rows(world, recorded)} <= kept
        for name, count in server.runs().items():
            said = [event.event for event in views[name].events].count("duplicate-run")
            assert (name, said) == (name, count - 1)
            assert views[name].state in SENT
    assert '"event": "duplicate-run"' in (tmp_path / "worker.log").read_text()


def test_while_kubeflow_is_down_or_denies_the_token_nothing_is_lost_and_then_nothing_is_twice(tmp_path, toy_yaml):
    token = tmp_path / "token"
    token.write_text("right\n")
    execute = "tests.kubeflow_server.execute:toy_step"
    with (
        KubeflowServer(tmp_path / "kubeflow", execute=execute, token="right") as server,
        WithKubeflow(tmp_path, server, token_file=token, settle_seconds=2, http_timeout_seconds=30) as world,
    ):
        world.make_batch(toy_yaml)
        world.start_worker()
        handoffs = [world.hand_off(0)]
        world.wait_until(handoffs, frozenset({State.SUCCEEDED}), 120)
        server.stop()
        handoffs += [world.hand_off(number) for number in range(1, 11)]
        wait_for(lambda: reasons(world, handoffs[1:]) == {"kubeflow-unreachable"}, 120)
        token.write_text("wrong\n")
        server.start()
        handoffs += [world.hand_off(number) for number in range(11, 21)]
        wait_for(lambda: reasons(world, handoffs[11:]) == {"kubeflow-token"}, 120)
        assert server.runs().total() == 1
        token.write_text("right\n")
        world.wait_until(handoffs, frozenset({State.SUCCEEDED}), 120)
        once = dict.fromkeys(names(handoffs), 1)
        assert (server.runs(), server.workflows()) == (once, once)
        assert {world.view(handoff).attempts for handoff in handoffs} == {1}


def reasons(world, handoffs):
    return {world.view(handoff).reason for handoff in handoffs}
