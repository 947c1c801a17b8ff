"""Handoffs to a pool of two clusters: each becomes one run at one of them, whatever is refused, lost or killed."""

import random
import subprocess
import sys
import time
from collections import Counter
from typing import Self

import pytest

from handoff.handoffs.states import State
from tests.faults.handoff.with_kubeflow import SENT, TARGET, WithKubeflow, rows
from tests.integration.handoff.running import RunningHandoff
from tests.kubeflow_server.process import KubeflowServer
from tests.waiting import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
COUNT = 24
KILLS = 4
FAULTS = {"refuse": 0.15, "lose": 0.30, "late": 0.10, "late_seconds": [0.2, 0.8]}
MEMBERS = ("left", "right")
NOTHING_ENDS = {"held": True}
"""At first: a cluster takes 8 of 24, so that the other one, however slowly it starts, has to take some."""


class TwoClusters(WithKubeflow):
    """A home with a pool of two clusters, and a worker for each of them."""

    def __init__(self, home, servers: dict[str, KubeflowServer]) -> None:
        super().__init__(home, servers["left"])
        self.servers = servers
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        target = {
            "backend": "kfp",
            "image": f"registry.example/ml@sha256:{'0' * 64}",
            "claims": [{"claim": "research", "path": str(self.home / "research")}],
            "http_timeout_seconds": 3,
            "poll_seconds": 0.5,
            "settle_seconds": 4,
            "sweep_seconds": 2,
            "runs": 8,
        }
        targets = {name: {**target, "endpoint": self.servers[name].url} for name in MEMBERS}
        settings = {"targets": targets, "pools": {TARGET: list(MEMBERS)}}
        self.service = RunningHandoff(self.home, settings=settings).start()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.workers):
            self.end(name)
        self.service.stop()

    def start(self, name: str) -> None:
        """Start the worker of one cluster."""
        command = [sys.executable, "-m", "handoff.commands", "worker", "--home", str(self.home), "--target", name]
        with (self.home / f"{name}.log").open("a") as log:
            self.workers[name] = subprocess.Popen(command, stderr=log)

    def end(self, name: str, *, kill: bool = False) -> None:
        """End it."""
        worker = self.workers.pop(name)
        (worker.kill if kill else worker.terminate)()
        worker.wait(timeout=60)

    def runs(self) -> Counter[str]:
        """How many runs both clusters have under each key's half."""
        found: Counter[str] = Counter()
        for server in self.servers.values():
            for name, count in server.runs().items():
                found[name.rpartition("-")[2]] += count
        return found


def test_each_handoff_to_a_pool_is_one_run_at_one_of_its_clusters(tmp_path, toy_yaml, capsys):
    execute = "tests.kubeflow_server.execute:toy_step"
    began, chance = time.monotonic(), random.Random(7)
    with (
        KubeflowServer(tmp_path / "left", execute=execute, script=NOTHING_ENDS) as left,
        KubeflowServer(tmp_path / "right", execute=execute, script=NOTHING_ENDS) as right,
        TwoClusters(tmp_path / "home", {"left": left, "right": right}) as world,
    ):
        world.make_batch(toy_yaml)
        for number, name in enumerate(MEMBERS):
            world.servers[name].meet(**FAULTS, seed=number)
            world.start(name)
        handoffs = [world.hand_off(number) for number in range(COUNT)]
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 1.5))
            name = chance.choice(MEMBERS)
            world.end(name, kill=True)
            world.start(name)
        wait_for(lambda: left.workflows() and right.workflows(), 120)
        for server in (left, right):
            server.play(held=False)
        world.wait_until(handoffs, SENT, 120)
        world.wait_until(handoffs, frozenset({State.SUCCEEDED}), 120)
        targets = dict(rows(world, "SELECT id, target FROM handoffs"))
        runs = world.runs()
        duplicates = rows(world, "SELECT * FROM duplicate_runs")
    assert (len(runs), set(runs.values()), duplicates) == (COUNT, {1}, [])
    share = Counter(targets.values())
    assert share.keys() == set(MEMBERS), share
    with capsys.disabled():
        print(f"\n{COUNT} handoffs to a pool, {KILLS} kills: {dict(share)}, {time.monotonic() - began:.0f} s")
