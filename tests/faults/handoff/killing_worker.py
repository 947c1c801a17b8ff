"""A worker that kills itself at one point: HOME POINT. The real one, around the real engine."""

import os
import signal
import sys
import threading
from pathlib import Path

from handoff.backends.interface import RunStatus
from handoff.backends.kfp_local import KfpLocal
from handoff.database.engine import Database
from handoff.handoffs.worker import Worker, hold_target
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store.make import open_store


class Killing(KfpLocal):
    """The engine, and a SIGKILL before or after one of its calls."""

    point = ""

    def submit(self, key: str) -> str:
        self._at("before-submit")
        reference = super().submit(key)
        self._at("after-submit")
        return reference

    def prepare(self, order) -> None:
        self._at("before-prepare")
        super().prepare(order)
        self._at("after-prepare")

    def status(self, reference: str) -> RunStatus:
        found = super().status(reference)
        self._at(f"saw-{found.phase.value}")
        return found

    def _start(self, key, folder):
        child = super()._start(key, folder)
        self._at("child-started")
        return child

    def _at(self, point: str) -> None:
        if point == self.point:
            os.kill(os.getpid(), signal.SIGKILL)


def main(home: Path, point: str) -> None:
    settings = Settings.load(home)
    research = ResearchHome.of(home)
    with hold_target(research, "local"):
        backend = Killing(research.runs, settings.targets["local"])
        backend.point = point
        database = Database(f"sqlite:///{research.database}")
        worker = Worker(database, research, open_store(settings, research), target="local", runs=1, backend=backend)
        worker.run(threading.Event())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
