"""Who serves a target: one worker of all that share a database, and only where its runs are.

1. One at a time, by a lock that ends with the process, however it ends; a lost connection to PostgreSQL, which ends it
   too, is noticed at the next look.
2. A target whose runs live on one machine is bound to its place: a worker of another home would not find them there,
   call them lost and let them run twice. So it takes such a target only when nothing of it may be running, or when a
   person says that the other home is gone (`--take-over`).
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.alone import Held, take_alone
from handoff.database.engine import Database
from handoff.database.tables import Handoff, TargetPlace
from handoff.errors import StartError
from handoff.handoffs.states import AT_ENGINE, State
from handoff.home import ResearchHome, write_secret

log = structlog.get_logger("handoff.worker")
_PATIENCE_SECONDS = 15.0
_SAY_SECONDS = 60.0
_PLACE_FILE = ".place"


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
def hold_target(database: Database, target: str, place: str | None, waiting: Waiting) -> Iterator[Held | None]:
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


def _acquire(database: Database, target: str, place: str | None, waiting: Waiting) -> Held | None:
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


def _try(database: Database, target: str, place: str | None, *, take_over: bool) -> Held:
    try:
        hold = take_alone(database, f"worker/{target}", f"worker-{target}.lock")
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
