"""A service and a worker that submit to a Kubeflow server: three processes, any of which may be killed."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import httpx

from handoff.backends.kfp_names import run_name
from handoff.handoffs.states import State
from handoff.schemas.handoffs import HandoffView
from tests.integration.handoff.running import CODE, RunningHandoff, annotated_study, batch_of
from tests.kubeflow_server.process import KubeflowServer
from tests.waiting import wait_for

TARGET = "cluster"
SENT = frozenset({State.SUBMITTED, State.RUNNING, State.SUCCEEDED})


class WithKubeflow:
    """One home whose target `cluster` is a running Kubeflow server. Use as a context manager."""

    def __init__(self, home: Path, server: KubeflowServer, token_file: Path | None = None, **target: Any) -> None:
        self.home = home
        self.server = server
        self._worker: subprocess.Popen[bytes] | None = None
        self._token_file = token_file
        self._starting = threading.Lock()
        self._target = target

    def __enter__(self) -> Self:
        target = {
            "backend": "kfp",
            "endpoint": self.server.url,
            "image": f"registry.example/ml@sha256:{'0' * 64}",
            "claims": [{"claim": "research", "path": str(self.home / "research")}],
            "http_timeout_seconds": 3,
            "poll_seconds": 1,
            "runs": 200,
            **({"token_file": str(self._token_file)} if self._token_file else {}),
            **self._target,
        }
        self.service = RunningHandoff(self.home, settings={"targets": {TARGET: target}}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_worker()
        if self.service.process.poll() is None:
            self.service.stop()

    def make_batch(self, toy_yaml: str) -> None:
        """Something to hand off."""
        self.service.client.register_pipeline("toy", toy_yaml, CODE)
        annotated_study(self.service)
        self._batch = batch_of(self.service)

    def start_worker(self) -> None:
        """Start the worker of the target."""
        command = [sys.executable, "-m", "handoff.commands", "worker", "--home", str(self.home), "--target", TARGET]
        with (self.home / "worker.log").open("a") as log:
            self._worker = subprocess.Popen(command, stderr=log)

    def end_worker(self, *, kill: bool = False) -> None:
        """End the worker, if there is one."""
        if self._worker is None:
            return
        (self._worker.kill if kill else self._worker.terminate)()
        self._worker.wait(timeout=60)
        self._worker = None

    def hand_off(self, number: int) -> HandoffView:
        """Decide on the n-th run, until the service has taken it: it may be killed meanwhile."""
        while True:
            try:
                return self.service.client.hand_off(
                    kind="prepare",
                    batch=self._batch,
                    pipeline="toy",
                    target=TARGET,
                    parameters={"kind": "prepare", "spec": f"number {number}"},
                )
            except httpx.TransportError:
                self.restart_service()

    def kill_service(self) -> None:
        """Kill the service; one that is starting is waited for."""
        with self._starting:
            self.service.process.kill()

    def restart_service(self) -> None:
        """Start the service if it was killed."""
        with self._starting:
            self.service.kill()
            self.service.start()

    def view(self, handoff: HandoffView) -> HandoffView:
        """What has become of it."""
        return self.service.client.handoff(handoff.id)

    def wait_until(self, handoffs: list[HandoffView], states: frozenset[State], seconds: float) -> None:
        """Wait until all are in one of the states."""
        waiting = {handoff.id for handoff in handoffs}

        def done() -> bool:
            listed = dict(rows(self, "SELECT id, state FROM handoffs"))
            waiting.difference_update([key for key in waiting if listed[key] in states])
            time.sleep(0.2)
            return not waiting

        wait_for(done, seconds, lambda: f"{len(waiting)} of {len(handoffs)} are not there: {self._story(waiting)}")

    def _story(self, ids: set[str]) -> list[tuple[Any, ...]]:
        views = [self.service.client.handoff(handoff_id) for handoff_id in sorted(ids)[:5]]
        return [(view.state, view.reason, view.attempts, [event.event for event in view.events]) for view in views]


class Killer:
    """Kills the worker, and now and then the service, at random moments; starts the worker again.

    A moment is a number of requests that the worker gets through, so that a slow machine is no mercy.
    """

    def __init__(self, world: WithKubeflow, seed: int, *, kills: int, services: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self._of_services = set(self._random.sample(range(kills), services))
        self._kills = kills
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._world.start_worker()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _work(self) -> None:
        for number in range(self._kills):
            until = self._world.server.requests() + self._random.randint(4, 90)
            deadline = time.monotonic() + 120
            while self._world.server.requests() < until and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(self._random.uniform(0.0, 0.05))
            if number in self._of_services:
                self._world.kill_service()
            self._world.end_worker(kill=True)
            self._world.start_worker()


def names(handoffs: list[HandoffView]) -> dict[str, HandoffView]:
    """The handoffs by the names that their runs have."""
    return {run_name(TARGET, handoff.key): handoff for handoff in handoffs}


def rows(world: WithKubeflow, query: str) -> list[tuple[Any, ...]]:
    """What the handoff's own database says."""
    with closing(sqlite3.connect(f"file:{world.home / 'research' / 'handoff.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
