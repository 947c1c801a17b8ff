"""A worker that kills itself at one point: HOME POINT. The real one, around the real engine."""

import os
import signal
import sys
import threading
from pathlib import Path

from handoff.backends.interface import Prepared, RunStatus
from handoff.backends.kfp_local import KfpLocal
from handoff.database.engine import Database
from handoff.handoffs.hold import Waiting, hold_target
from handoff.handoffs.queue import Queue
from handoff.handoffs.worker import Worker
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store.make import open_store


class Killing(KfpLocal):
    """The engine, and a SIGKILL before or after one of its calls."""

    point = ""

    def submit(self, prepared: Prepared) -> str:
        self._at("before-submit")
        reference = super().submit(prepared)
        self._at("after-submit")
        return reference

    def prepare(self, order) -> Prepared:
        self._at("before-prepare")
        prepared = super().prepare(order)
        self._at("after-prepare")
        return prepared

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
    database = Database(f"sqlite:///{research.database}")
    with hold_target(database, "local", None, Waiting(threading.Event())):
        backend = Killing(research.runs, settings.targets["local"])
        backend.point = point
        worker = Worker(
            database, research, open_store(settings, research), queue=Queue("local", places=1), backend=backend
        )
        worker.run(threading.Event())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
