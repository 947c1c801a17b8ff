"""The worker of one target: takes what is due, watches what runs, and can be killed at any point."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from handoff.access.run_access import RunAccesses, files_environment
from handoff.access.run_tokens import RunTokens
from handoff.backends.interface import Backend, BackendError, ListsRuns
from handoff.backends.make import make_backend
from handoff.database.engine import Database
from handoff.database.migrate import require_current
from handoff.database.open import open_database
from handoff.errors import StartError, StoreDownError
from handoff.handoffs.cancel import cancel
from handoff.handoffs.ending import Endings
from handoff.handoffs.hold import Waiting, hold_target, place_of
from handoff.handoffs.leave_pools import LeavePools
from handoff.handoffs.outbox import at_engine, free_leases, take
from handoff.handoffs.queue import Queue, due_rows
from handoff.handoffs.submit import Submission
from handoff.handoffs.sweep import Sweep
from handoff.handoffs.watch import Watch
from handoff.home import ResearchHome
from handoff.mirrors.deliver import mirroring
from handoff.settings import Settings
from handoff.store import Store
from handoff.store.make import environment_of_runs, open_store
from handoff.targets import KubeflowTarget, LocalTarget, Target
from handoff.telemetry.pulse import Pulse
from handoff.telemetry.spans import Spans, open_spans
from handoff.withdrawals.withdrawer import withdrawing

log = structlog.get_logger("handoff.worker")
P = ParamSpec("P")
R = TypeVar("R")
_PERIOD_SECONDS = 0.25
_SENT_AT_ONCE = 50
_BEYOND_SECONDS = 600.0
"""How much longer a run's token holds than the run may take, which begins a little later."""


class Worker:
    """One target's worker. Runs go on when it ends; the next worker finds them."""

    def __init__(
        self,
        database: Database,
        home: ResearchHome,
        store: Store,
        *,
        queue: Queue,
        backend: Backend,
        spans: Spans | None = None,
        accesses: RunAccesses | None = None,
    ) -> None:
        self._database = database
        self._target = queue.target
        self._queue = queue
        self._leave_pools = LeavePools()
        # Random too: two containers may both be process 1, of hosts whose names differ only at their ends.
        self._name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._pulse = Pulse(database, self._name, queue.target)
        self._submission = Submission(database, home, store, backend, self._name, accesses)
        self._watch = Watch(database, store, backend)
        self._endings = Endings(database, spans or Spans("sluice-worker", None))
        self._poll_seconds = backend.poll_seconds
        self._look_at: dict[str, float] = {}
        self._sweep = Sweep(database, queue.target, backend) if isinstance(backend, ListsRuns) else None
        self._sweep_at = 0.0
        self._stop = threading.Event()

    def run(self, stop: threading.Event, held: Callable[[], bool] = lambda: True) -> None:
        """Work until told to stop. A busy or absent database is waited for, and so is an engine."""
        self._stop = stop
        self._round(self._free_leases)
        while not stop.wait(_PERIOD_SECONDS):
            if not held():
                log.warning("target-lost", target=self._target)
                return
            self._round(self._pulse.beat)
            self._round(self.work)
        self._round(self._pulse.end)

    def _free_leases(self) -> None:
        with self._database.write() as session:
            free_leases(session, self._target)

    def work(self) -> None:
        """Look at every run whose time has come, fill the free places, now and then sweep."""
        with self._database.read() as session:
            running = at_engine(session, self._target)
        self._look_at = {handoff_id: self._look_at.get(handoff_id, 0.0) for handoff_id in running}
        for handoff_id, due_at in self._look_at.items():
            if due_at <= time.monotonic() and not self._stop.is_set():
                self._round(self._watch.look, handoff_id)
                self._round(self._endings.tell, handoff_id)
                self._look_at[handoff_id] = time.monotonic() + self._poll_seconds
        for _ in range(_SENT_AT_ONCE):  # then the runs are looked at again, however many rows wait
            if self._stop.is_set() or (taken := self._take()) is None:
                break
            works = self._round(self._submission.submit, taken)
            self._leave_pools.learn(works=bool(works))
            self._round(self._endings.tell, taken)
        if self._sweep is not None and self._sweep_at <= time.monotonic():
            self._round(self._sweep.sweep)
            self._sweep_at = time.monotonic() + self._sweep.seconds

    def end_runs(self) -> None:
        """Cancel every run of the target and write that down."""
        with self._database.read() as session:
            running = at_engine(session, self._target)
        for handoff_id in running:
            self._round(cancel, self._database, handoff_id)
            self._round(self._watch.look, handoff_id)
            self._round(self._endings.tell, handoff_id)

    def _round(self, step: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R | None:
        """Do one thing; what fails is logged and tried again, and never keeps others waiting."""
        try:
            return step(*arguments, **named)
        except SQLAlchemyError as error:
            log.warning("database", cause=type(error).__name__)
        except StoreDownError:
            log.warning("store-down", step=getattr(step, "__name__", "step"))
        except BackendError as error:
            log.warning("engine", target=self._target, code=error.code)
        except Exception:  # the outermost loop: a bug in one handoff must not end the work for all
            log.exception("worker-step-failed", step=getattr(step, "__name__", "step"))
        return None

    def _take(self) -> str | None:
        """Lease the next row, if there is one for us; looks without a write lock first."""
        now = time.time()
        with self._database.read() as session:
            due = due_rows(session, self._queue, now, pools=not self._leave_pools.now())
        for row_id in due:
            with self._database.write() as session:
                row = take(session, self._queue, row_id, self._name, now)
            if row is not None:
                return row.handoff_id
        return None


def run_worker(
    settings: Settings, target_name: str, target: Target, waiting: Waiting, *, end_runs: bool = False
) -> None:
    """Serve one target of a home until told to stop; then leave its runs alone, or end them.

    A target that is lost, because its database went away, is taken again when nobody else has taken it.

    Raises:
        StartError: the home was never served, another worker has the target, or its interpreter cannot run kfp.
    """
    home = ResearchHome.of(settings.home)
    if settings.database_url is None and not home.database.exists():
        message = f"{home.root} was never served."
        raise StartError(message, code="home", remedy="Start `sluice handoff serve` with this --home first.")
    database = open_database(settings, home)
    require_current(database)
    place = place_of(home) if isinstance(target, LocalTarget) else None
    spans = open_spans("sluice-worker", settings.traces_to)
    with mirroring(settings, home, database), withdrawing(database, home, open_store(settings, home)):
        while not waiting.stop.is_set():
            with hold_target(database, target_name, place, waiting) as hold:
                if hold is not None:
                    worker = _worker(settings, database, target_name, target, spans)
                    worker.run(waiting.stop, hold.held)
                    if end_runs and waiting.stop.is_set():
                        worker.end_runs()
    spans.close()
    database.close()


def _worker(settings: Settings, database: Database, target_name: str, target: Target, spans: Spans) -> Worker:
    home = ResearchHome.of(settings.home)
    store = open_store(settings, home)
    backend = make_backend(home, target_name, _furnished(settings, store, target))
    found = backend.probe()
    if not found.ok and not found.passing:
        message = f"The target {target_name} cannot run anything: {found.problem}."
        raise StartError(message, code="target", remedy=found.remedy)
    if not found.ok:
        log.warning("target-not-ready", target=target_name, problem=found.problem, remedy=found.remedy)
    log.info("worker", target=target_name, **found.versions)
    return Worker(
        database,
        home,
        store,
        queue=Queue.of(settings, target_name),
        backend=backend,
        spans=spans,
        accesses=_accesses(database, home, store, target),
    )


def _furnished(settings: Settings, store: Store, target: Target) -> Target:
    """The target with what each of its steps must know of the store, or of the handoff in its place."""
    match target:
        case LocalTarget(by_handoff=False):
            passed = {**environment_of_runs(settings), **target.environment}
        case KubeflowTarget(by_handoff=True, handoff_url=str(url)):
            passed = {**target.environment, **files_environment(target, store, url)}
        case _:
            return target
    return target.model_copy(update={"environment": passed})


def _accesses(database: Database, home: ResearchHome, store: Store, target: Target) -> RunAccesses | None:
    """What gives runs beside this worker their tokens; a cluster's steps ask for theirs themselves."""
    if not isinstance(target, LocalTarget) or not target.by_handoff:
        return None
    tokens = RunTokens.of_home(database, home, target.timeout_seconds + _BEYOND_SECONDS)
    return RunAccesses(tokens, target, store, lambda: target.handoff_url or home.url.read_text("ascii").strip())
