"""The thread beside a worker that tells the mirrors. Nothing waits for it, and nothing fails because of it.

One of a home at a time: the lock of a file says which worker has it, and ends with that worker's process, so what a
killed one had leased is free again at once. Homes that share a database share the work by the rows' leases.
"""

import contextlib
import fcntl
import threading
from collections.abc import Callable, Iterator
from typing import IO

import structlog
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.engine import Database
from handoff.handoffs.hold import place_of
from handoff.home import ResearchHome
from handoff.mirrors.facts import handoff_facts, model_facts
from handoff.mirrors.mlflow import Mlflow
from handoff.mirrors.mlflow_api import MirrorAwayError, MirrorRefusedError, MlflowApi
from handoff.mirrors.outbox import Change, delivered, free_leases, lease, put_off, refused, revive
from handoff.settings import MlflowMirror, Settings

log = structlog.get_logger("handoff.mirrors")
MIRROR = "mlflow"
SETTLE_SECONDS = 3.0
"""After a lost answer nothing is told again before this: a create may be slower than the next search."""
_PERIOD_SECONDS = 0.5
_LONGEST_PAUSE = 60.0
_END_SECONDS = 5.0


@contextlib.contextmanager
def mirroring(settings: Settings, home: ResearchHome, database: Database) -> Iterator[None]:
    """Tell the mirrors while the block runs, if the site has any."""
    mirror = settings.mirrors.mlflow
    if mirror is None:
        yield
        return
    thread = Deliverer(mirror, home, database)
    thread.start()
    try:
        yield
    finally:
        thread.stop()


class Deliverer(threading.Thread):
    """Delivers what is due, one thing after another; while the mirror is away it asks ever more rarely."""

    def __init__(self, mirror: MlflowMirror, home: ResearchHome, database: Database) -> None:
        super().__init__(name="mirror", daemon=True)
        self._database = database
        self._home = home
        self._api = MlflowApi(mirror)
        self._mlflow = Mlflow(mirror, self._api)
        self._name = place_of(home)
        self._stopping = threading.Event()
        self._away = 0

    def run(self) -> None:
        """Wait for the lock, then deliver until told to stop."""
        held = self._hold()
        if held is None:
            return
        with held:
            pause = 0.0
            self._round(self._begin)
            while not self._stopping.wait(pause):
                pause = self._round(self.deliver_next)
        self._api.close()

    def stop(self) -> None:
        """Let what is under way end; a call that hangs is left alone."""
        self._stopping.set()
        self.join(timeout=_END_SECONDS)

    def deliver_next(self) -> float:
        """Deliver one thing; returns the seconds to wait before the next."""
        with self._database.write() as session:
            change = lease(session, MIRROR, self._name)
        if change is None:
            return _PERIOD_SECONDS
        try:
            at_mirror = self._tell(change)
        except MirrorAwayError as error:
            return self._wait(change, error.code)
        except MirrorRefusedError as error:
            with self._database.write() as session:
                dead = refused(session, change, error.code)
            log.warning(
                "mirror-refused", mirror=MIRROR, kind=change.kind, id=change.subject, code=error.code, dead=dead
            )
            return 0.0
        with self._database.write() as session:
            delivered(session, change)
        self._away = 0
        log.info("mirrored", mirror=MIRROR, kind=change.kind, id=change.subject, there=at_mirror)
        return 0.0

    def _tell(self, change: Change) -> str:
        with self._database.read() as session:
            if change.kind == "model":
                model = model_facts(session, change.subject)
            else:
                handoff = handoff_facts(session, change.subject)
        return self._mlflow.tell_model(model) if change.kind == "model" else self._mlflow.tell_handoff(handoff)

    def _wait(self, change: Change, code: str) -> float:
        pause = min(_LONGEST_PAUSE, 2.0**self._away)
        self._away += 1
        settle = SETTLE_SECONDS if code != "unreachable" else 0.0
        with self._database.write() as session:
            put_off(session, change, code, max(pause, settle))
        log.warning("mirror-away", mirror=MIRROR, code=code, seconds=pause)
        return pause

    def _begin(self) -> float:
        with self._database.write() as session:
            free_leases(session, MIRROR, self._name)
            revive(session, MIRROR)
        return 0.0

    def _round(self, step: Callable[[], float]) -> float:
        """Do one thing; what fails is logged, and the thread goes on."""
        try:
            return step()
        except SQLAlchemyError as error:
            log.warning("database", cause=type(error).__name__)
        except Exception:  # the outermost loop: a bug in one thing must not end the telling of all
            log.exception("mirror-failed")
        return _PERIOD_SECONDS * 10

    def _hold(self) -> IO[str] | None:
        stream = (self._home.root / "mirror.lock").open("a+", encoding="utf-8")
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not self._stopping.wait(1.0):
                    continue
                stream.close()
                return None
            return stream
