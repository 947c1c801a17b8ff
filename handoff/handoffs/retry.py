"""A person sends a dead letter again: the same handoff under the same key, for no engine ever had its run.

What was sent without a known answer may still show at its engine, so it is looked for before anything is sent again,
and its target stays. What was never sent may go to any member of its pool.
"""

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import DuplicateRun, Event, Handoff
from handoff.errors import ConflictError, NotFoundError
from handoff.handoffs.accept import queue_up
from handoff.handoffs.decide import require_batch
from handoff.handoffs.states import ENDED, READMITTED, RETRIED, State, readmit


def retry(database: Database, handoff_id: str) -> None:
    """Let a dead letter begin again; asking again while it is under way changes nothing.

    Raises:
        NotFoundError: there is no such handoff.
        ConflictError: it is none, or an engine had a run of it.
        RunError: something of its batch was withdrawn.
    """
    with database.write() as session:
        handoff = session.get(Handoff, handoff_id, with_for_update=True)
        if handoff is None:
            raise NotFoundError
        if State(handoff.state) not in ENDED and _retried(session, handoff):
            return
        _require_dead_letter(session, handoff)
        require_batch(session, handoff.batch_id)
        if handoff.pool is not None and not handoff.attempts:
            handoff.target = handoff.pool
        queue_up(session, handoff)
        readmit(session, handoff)


def is_dead_letter(handoff: Handoff) -> bool:
    """Whether it ended though no engine is known to have had its run."""
    return State(handoff.state) in READMITTED and handoff.reference is None


def dead_letters() -> ColumnElement[bool]:
    """The same as a condition of a query."""
    return and_(Handoff.state.in_([state.value for state in READMITTED]), Handoff.reference.is_(None))


def _require_dead_letter(session: Session, handoff: Handoff) -> None:
    if State(handoff.state) not in ENDED:
        message = "The handoff has not ended."
        raise ConflictError(message, code="under-way", remedy="Wait for its end, or POST its :cancel.")
    duplicate = select(DuplicateRun.id).where(DuplicateRun.handoff_id == handoff.id).limit(1)
    if not is_dead_letter(handoff) or session.scalar(duplicate) is not None:
        raise ConflictError(
            "The handoff is no dead letter: an engine had its run, or it ended as it was asked to.",
            code="no-dead-letter",
            remedy="POST its :rerun with a reason; that is a new handoff.",
        )


def _retried(session: Session, handoff: Handoff) -> bool:
    retried = select(Event.id).where(Event.handoff_id == handoff.id, Event.reason == RETRIED).limit(1)
    return session.scalar(retried) is not None
