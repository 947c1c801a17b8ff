"""The worker of one target: takes what is due, watches what runs, and can be killed at any point."""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, ParamSpec

import structlog
from sqlalchemy.exc import SQLAlchemyError

from handoff.backends.interface import Backend
from handoff.backends.make import make_backend
from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.database.migrate import require_current
from handoff.errors import StartError
from handoff.handoffs.cancel import cancel
from handoff.handoffs.outbox import at_engine, busy, free_leases, free_row, lease
from handoff.handoffs.submit import Submission
from handoff.handoffs.watch import Watch
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store import Store
from handoff.store.make import open_store
from handoff.targets import Target

log = structlog.get_logger("handoff.worker")
P = ParamSpec("P")
_PERIOD_SECONDS = 0.25
_LOCK_SECONDS = 15.0


class Worker:
    """One target's worker. Runs go on when it ends; the next worker finds them."""

    def __init__(
        self, database: Database, home: ResearchHome, store: Store, *, target: str, runs: int, backend: Backend
    ) -> None:
        self._database = database
        self._target = target
        self._runs = runs
        self._name = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._submission = Submission(database, home, store, backend)
        self._watch = Watch(database, store, backend)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. A busy or absent database is waited for."""
        with self._database.write() as session:
            free_leases(session, self._target)
        while not stop.wait(_PERIOD_SECONDS):
            self._round(self.work)

    def work(self) -> None:
        """Look at every run once, then fill the free places."""
        with self._database.read() as session:
            running = at_engine(session, self._target)
        for handoff_id in running:
            self._round(self._watch.look, handoff_id)
        while (taken := self._take()) is not None:
            self._round(self._submission.submit, taken)

    def end_runs(self) -> None:
        """Cancel every run of the target and write that down."""
        with self._database.read() as session:
            running = at_engine(session, self._target)
        for handoff_id in running:
            self._round(cancel, self._database, handoff_id)
            self._round(self._watch.look, handoff_id)

    def _round(self, step: Callable[P, None], *arguments: P.args, **named: P.kwargs) -> None:
        """Do one thing; what fails is logged and tried again, and never keeps others waiting."""
        try:
            step(*arguments, **named)
        except SQLAlchemyError as error:
            log.warning("database", cause=type(error).__name__)
        except Exception:  # the outermost loop: a bug in one handoff must not end the work for all
            log.exception("worker-step-failed", step=getattr(step, "__name__", "step"))

    def _take(self) -> str | None:
        """Lease the next row, if there is a free place; looks without a write lock first."""
        now = time.time()
        with self._database.read() as session:
            if free_row(session, self._target, now, sent_only=busy(session, self._target) >= self._runs) is None:
                return None
        with self._database.write() as session:
            row = lease(session, self._target, self._name, now, places=self._runs)
            return row.handoff_id if row is not None else None


def run_worker(
    settings: Settings, target_name: str, target: Target, stop: threading.Event, *, end_runs: bool = False
) -> None:
    """Serve one target of a home until told to stop; then leave its runs alone, or end them.

    Raises:
        StartError: the home was never served, another worker has the target, or its interpreter cannot run kfp.
    """
    home = ResearchHome.of(settings.home)
    if settings.database_url is None and not home.database.exists():
        message = f"{home.root} was never served."
        raise StartError(message, code="home", remedy="Start `sluice handoff serve` with this --home first.")
    database = Database(settings.database_url or sqlite_url(home.database))
    require_current(database)
    with hold_target(home, target_name):
        backend = make_backend(home, target)
        found = backend.probe()
        if not found.ok:
            message = f"The target {target_name} cannot run anything: {found.problem}."
            raise StartError(message, code="target", remedy="Give --python an interpreter with dicom-sluice[ml].")
        log.info("worker", target=target_name, **found.versions)
        store = open_store(settings, home)
        worker = Worker(database, home, store, target=target_name, runs=target.runs, backend=backend)
        worker.run(stop)
        if end_runs:
            worker.end_runs()
    database.close()


def hold_target(home: ResearchHome, target: str) -> IO[str]:
    """Be the only worker of a target of this home; keep the returned file open.

    Raises:
        StartError: another worker holds it.
    """
    file: Path = home.root / f"worker-{target}.lock"
    stream = file.open("a+", encoding="utf-8")
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            stream.close()
            message = f"Another worker serves the target {target}."
            raise StartError(message, code="worker-twice", remedy="End it first, or name another target.") from None
        return stream
