"""The threads beside a worker that tell the mirrors. Nothing waits for them, and nothing fails because of them.

Each mirror has a thread, so that one which is away holds up no other. One thread of a mirror and a home at a time: the
lock of a file says which worker has it, and ends with that worker's process, so what a killed one had leased is free
again at once. Homes that share a database share the work by the rows' leases.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

import structlog
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.engine import Database
from handoff.file_lock import FileLock
from handoff.handoffs.hold import place_of
from handoff.home import ResearchHome
from handoff.mirrors.copies import note_told
from handoff.mirrors.interface import Change, Mirror, MirrorAwayError, MirrorRefusedError
from handoff.mirrors.make import make_heeding, make_mirrors
from handoff.mirrors.outbox import anything_to_do, delivered, follow, free_leases, lease, put_off, refused, revive
from handoff.settings import Settings

log = structlog.get_logger("handoff.mirrors")
_PERIOD_SECONDS = 0.5
_SHORTEST_PAUSE = 0.25
_LONGEST_PAUSE = 60.0
_END_SECONDS = 5.0


@contextlib.contextmanager
def mirroring(settings: Settings, home: ResearchHome, database: Database) -> Iterator[None]:
    """Tell the mirrors while the block runs, if the site has any, and heed what is moved there."""
    threads = [Deliverer(mirror, home, database) for mirror in make_mirrors(settings.mirrors)]
    heeding = list(make_heeding(settings, database))
    for thread in threads:
        thread.start()
    for loop in heeding:
        loop.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.ask_to_stop()
        for loop in heeding:
            loop.stop()
        for thread in threads:
            thread.stop()


class Deliverer(threading.Thread):
    """Delivers what is due, one thing after another; while the mirror is away it asks ever more rarely."""

    def __init__(self, mirror: Mirror, home: ResearchHome, database: Database) -> None:
        super().__init__(name=f"mirror-{mirror.name}", daemon=True)
        self._mirror = mirror
        self._database = database
        self._home = home
        self._name = place_of(home)
        self._stopping = threading.Event()
        self._away = 0
        self._telling: Change | None = None

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
        self._mirror.close()

    def ask_to_stop(self) -> None:
        """Let what is under way be the last."""
        self._stopping.set()

    def stop(self) -> None:
        """Let what is under way end; a call that hangs is left alone."""
        self._stopping.set()
        self.join(timeout=_END_SECONDS)

    def deliver_next(self) -> float:
        """Read on in the log and deliver one thing; returns the seconds to wait before the next."""
        with self._database.read() as session:
            if not anything_to_do(session, self._mirror):
                return _PERIOD_SECONDS
        with self._database.write() as session:
            more = follow(session, self._mirror)
            change = lease(session, self._mirror.name, self._name, ordered=self._mirror.ordered)
        if change is None:
            return 0.0 if more else _PERIOD_SECONDS
        self._telling = change
        try:
            note_told(self._database, self._mirror, change)
            at_mirror = self._mirror.tell(self._database, change)
        except MirrorAwayError as error:
            return self._wait(change, error.code)
        except MirrorRefusedError as error:
            return self._refuse(change, error.code)
        with self._database.write() as session:
            delivered(session, change)
        self._away, self._telling = 0, None
        log.info("mirrored", mirror=self._mirror.name, kind=change.kind, id=change.subject, there=at_mirror)
        return 0.0

    def _refuse(self, change: Change, code: str) -> float:
        with self._database.write() as session:
            dead = refused(session, change, code)
        named = {"kind": change.kind, "id": change.subject}
        log.warning("mirror-refused", mirror=self._mirror.name, **named, code=code, dead=dead)
        return 0.0

    def _wait(self, change: Change, code: str) -> float:
        pause = min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2.0**self._away)
        self._away += 1
        settle = self._mirror.settle_seconds if code != "unreachable" else 0.0
        with self._database.write() as session:
            put_off(session, change, code, max(pause, settle))
        log.warning("mirror-away", mirror=self._mirror.name, code=code, seconds=pause)
        return pause

    def _begin(self) -> float:
        with self._database.write() as session:
            free_leases(session, self._mirror.name, self._name)
            revive(session, self._mirror.name)
        return 0.0

    def _round(self, step: Callable[[], float]) -> float:
        """Do one thing; what fails is logged, and the thread goes on."""
        try:
            return step()
        except SQLAlchemyError as error:
            log.warning("database", cause=type(error).__name__)
        except Exception:  # the outermost loop: a bug in one thing must not end the telling of all
            log.exception("mirror-failed", mirror=self._mirror.name)
            self._give_up()
        return _PERIOD_SECONDS * 10

    def _give_up(self) -> None:
        """What we cannot even say must not stand before what comes after it for ever."""
        change, self._telling = self._telling, None
        if change is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._refuse(change, "internal")

    def _hold(self) -> FileLock | None:
        file = self._home.root / f"mirror-{self._mirror.name}.lock"
        while (lock := FileLock.take(file)) is None:
            if self._stopping.wait(1.0):
                return None
        return lock
