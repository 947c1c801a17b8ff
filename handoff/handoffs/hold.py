"""Who serves a target: one worker of all that share a database, and only where its runs are.

1. One at a time: on SQLite by a lock of a file beside the database, on PostgreSQL by an advisory lock of a connection
   that is kept for it. Both end with the process, however it ends; a lost connection is noticed at the next look.
2. A target whose runs live on one machine is bound to its place: a worker of another home would not find them there,
   call them lost and let them run twice. So it takes such a target only when nothing of it may be running, or when a
   person says that the other home is gone (`--take-over`).
"""

import contextlib
import fcntl
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.dialect import is_postgresql, lock_number
from handoff.database.engine import Database
from handoff.database.tables import Handoff, TargetPlace
from handoff.errors import StartError
from handoff.handoffs.states import AT_ENGINE, State
from handoff.home import ResearchHome, write_secret

log = structlog.get_logger("handoff.worker")
_PATIENCE_SECONDS = 15.0
_SAY_SECONDS = 60.0
_PLACE_FILE = ".place"


class Hold(Protocol):
    """A target that is held."""

    def held(self) -> bool:
        """Whether it still is."""

    def release(self) -> None:
        """Let others have it."""


@dataclass(slots=True)
class Waiting:
    """How a worker waits for a target: a while, or standing by until it is stopped."""

    stop: threading.Event
    standby: bool = False
    take_over: bool = False


def place_of(home: ResearchHome) -> str:
    """What names the folder of a home's runs, wherever it is mounted; made at the first look."""
    file = home.runs / _PLACE_FILE
    if not file.exists():
        write_secret(file, secrets.token_hex(16).encode())
    return file.read_text("ascii").strip()


@contextlib.contextmanager
def hold_target(database: Database, target: str, place: str | None, waiting: Waiting) -> Iterator[Hold | None]:
    """Be the only worker of a target; None when told to stop before that.

    Args:
        database: the one that all its workers share.
        target: its name.
        place: where its runs live; None when any machine can see them.
        waiting: for how long.

    Raises:
        StartError: another worker holds it, its runs are elsewhere, or the database does not answer.
    """
    hold = _acquire(database, target, place, waiting)
    try:
        yield hold
    finally:
        if hold is not None:
            hold.release()


def _acquire(database: Database, target: str, place: str | None, waiting: Waiting) -> Hold | None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    say_at = time.monotonic() + _SAY_SECONDS
    while True:
        try:
            return _try(database, target, place, take_over=waiting.take_over)
        except StartError as error:
            if not waiting.standby and time.monotonic() > deadline:
                raise
            if time.monotonic() > say_at:
                log.info("standing-by", target=target, code=error.code)
                say_at = time.monotonic() + _SAY_SECONDS
            if waiting.stop.wait(1.0 if waiting.standby else 0.1):
                return None


def _try(database: Database, target: str, place: str | None, *, take_over: bool) -> Hold:
    try:
        hold: Hold | None = (_Advisory if is_postgresql(database.writer) else _FileLock).take(database, target)
        if hold is None:
            message = f"Another worker serves the target {target}."
            raise StartError(message, code="worker-twice", remedy="End it first, or name another target.")
        try:
            _settle_place(database, target, place, take_over=take_over)
        except BaseException:
            hold.release()
            raise
    except SQLAlchemyError as error:
        raise StartError("The database does not answer.", code="database", remedy="Start it, then again.") from error
    return hold


def _settle_place(database: Database, target: str, place: str | None, *, take_over: bool) -> None:
    """Step (2); the lock is held."""
    if place is None:
        return
    states = [state.value for state in (*AT_ENGINE, State.SUBMITTING)]
    counted = select(func.count()).select_from(Handoff).where(Handoff.target == target, Handoff.state.in_(states))
    with database.write() as session:
        row = session.get(TargetPlace, target)
        if row is None:
            session.add(TargetPlace(target=target, place=place))
        elif row.place != place:
            if session.scalar(counted) and not take_over:
                message = f"Runs of the target {target} may be going on in another home."
                remedy = "Start its worker there; or, if that home is gone for good, start this one with --take-over."
                raise StartError(message, code="target-elsewhere", remedy=remedy)
            row.place = place


class _FileLock:
    """On SQLite: beside the database's file."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("a+", encoding="utf-8")

    @classmethod
    def take(cls, database: Database, target: str) -> "_FileLock | None":
        held = cls(Path(database.writer.url.database or "").parent / f"worker-{target}.lock")
        try:
            fcntl.flock(held._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.release()
            return None
        return held

    def held(self) -> bool:
        return True

    def release(self) -> None:
        self._stream.close()


class _Advisory:
    """On PostgreSQL: a session's lock, which ends with its connection."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self._number = number

    @classmethod
    def take(cls, database: Database, target: str) -> "_Advisory | None":
        connection = database.writer.connect().execution_options(isolation_level="AUTOCOMMIT")
        number = lock_number(f"worker/{target}")
        if connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": number}):
            return cls(connection, number)
        connection.close()
        return None

    def held(self) -> bool:
        try:
            return bool(self._connection.scalar(text("SELECT 1")))
        except SQLAlchemyError:
            return False

    def release(self) -> None:
        with contextlib.suppress(SQLAlchemyError):
            self._connection.scalar(text("SELECT pg_advisory_unlock(:lock)"), {"lock": self._number})
        # Not back to the pool, where it would hold the lock for whoever comes next.
        self._connection.invalidate()
        self._connection.close()
