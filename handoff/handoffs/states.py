"""A handoff goes from state to state as `state` allows; every change writes an event."""

import time
from dataclasses import dataclass

import structlog
from sqlalchemy import insert
from sqlalchemy.orm import Session

from handoff.database.dialect import hold_until_commit
from handoff.database.tables import Event, Handoff
from handoff.handoffs.state import AT_ENGINE, ENDED, READMITTED, TRANSITIONS, WAITING, State
from handoff.lineage.log import record

__all__ = [
    "AT_ENGINE",
    "ENDED",
    "READMITTED",
    "RETRIED",
    "TRANSITIONS",
    "WAITING",
    "Noted",
    "State",
    "TransitionError",
    "note",
    "readmit",
    "transition",
]

log = structlog.get_logger("handoff.handoffs")
RETRIED = "retried"
"""The reason of an ACCEPTED that a person asked for again."""


_EVENT = insert(Event.__table__)


@dataclass(frozen=True, slots=True)
class Noted:
    """An event as it was written."""

    id: int
    event: str
    reason: str | None
    at: float


class TransitionError(Exception):
    """A handoff cannot go from this state to that one."""


def transition(session: Session, handoff: Handoff, to: State, reason: str | None = None) -> None:
    """Move a handoff and write the event, in the caller's transaction.

    Raises:
        TransitionError: the table does not allow it; a bug, never a matter of input.
    """
    before = State(handoff.state)
    if to not in TRANSITIONS[before]:
        message = f"{before} is not followed by {to}."
        raise TransitionError(message)
    handoff.state, handoff.reason = to.value, reason
    if to in ENDED:
        handoff.ended_at = time.time()
    if to is State.SUBMITTED:
        record(session, "handoff-submitted", ("handoff", handoff.id), handoff.project)
    elif to in ENDED:
        ran = before in AT_ENGINE
        record(session, "handoff-ended", ("handoff", handoff.id), handoff.project, state=to.value, ran=ran)
    note(session, handoff, to.value, reason)


def readmit(session: Session, handoff: Handoff) -> None:
    """Let a handoff that ended without a run begin again, in the caller's transaction; its key stays.

    Raises:
        TransitionError: it has not ended, or an engine had its run; a bug, never a matter of input.
    """
    if State(handoff.state) not in READMITTED or handoff.reference is not None:
        message = f"{handoff.state} is not followed by a retry."
        raise TransitionError(message)
    handoff.state, handoff.reason, handoff.ended_at, handoff.cancel_asked = State.ACCEPTED.value, None, None, False
    note(session, handoff, State.ACCEPTED, RETRIED)


def note(session: Session, handoff: Handoff, event: str, reason: str | None = None) -> Noted:
    """Write an event of a handoff.

    Ids of events are what pollers go on from, so they must become visible in their order. PostgreSQL gives an id when
    a row is written and shows it when its transaction commits, in whatever order: a poller that saw 6 and goes on
    after it would never see a 5 that commits later. So writers of events wait for each other, from before they get
    an id until they commit. What the transaction changed before goes to the database first: all take a handoff's row
    before this lock, and none waits for a row while holding it.
    """
    session.flush()
    hold_until_commit(session, "events")
    now = time.time()
    values = {"handoff_id": handoff.id, "at": now, "event": str(event), "reason": reason}
    (number,) = session.connection().execute(_EVENT, values).inserted_primary_key or (0,)
    log.info("handoff", handoff_id=handoff.id, key=handoff.key, kind=handoff.kind, happened=event, reason=reason)
    return Noted(number, str(event), reason, now)
