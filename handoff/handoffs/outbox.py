"""Leases: which worker has an outbox row, and until when. A lease outlives the longest call to an engine."""

import random
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from handoff.database.tables import Event, Handoff, OutboxRow
from handoff.handoffs.states import AT_ENGINE, State
from handoff.targets import LONGEST_CALL_SECONDS

LEASE_SECONDS = 2.0 * LONGEST_CALL_SECONDS
MOST_ATTEMPTS = 8
_ASKED_WHILE_SETTLING = 15
_LONGEST_PAUSE = 60.0
POSTPONED = "postponed"
"""The event of a row that has to wait."""


def free_row(session: Session, target: str, now: float, *, sent_only: bool, lock: bool = True) -> OutboxRow | None:
    """The oldest row that is due and that nobody has; with `sent_only` among those that may be at the engine."""
    free = select(OutboxRow).where(OutboxRow.target == target, OutboxRow.due_at <= now, OutboxRow.leased_until <= now)
    if sent_only:
        sent = select(Handoff.id).where(Handoff.target == target, Handoff.state == State.SUBMITTING.value)
        free = free.where(OutboxRow.handoff_id.in_(sent))
    oldest = free.order_by(OutboxRow.id).limit(1)
    return session.scalar(oldest.with_for_update(skip_locked=True) if lock else oldest)


def lease(session: Session, target: str, worker: str, now: float, *, places: int) -> OutboxRow | None:
    """Take a row; while all places of the target are taken, only one that was sent before and takes one of them."""
    row = free_row(session, target, now, sent_only=busy(session, target) >= places)
    if row is not None:
        row.leased_by, row.leased_until = worker, now + LEASE_SECONDS
    return row


def free_leases(session: Session, target: str) -> None:
    """Take back what an earlier worker of this target left; only for who holds the target's lock."""
    session.execute(update(OutboxRow).where(OutboxRow.target == target).values(leased_until=0.0, leased_by=None))


def postpone(session: Session, row: OutboxRow, now: float) -> None:
    """Free the row and let it wait, longer each time, whether or not anything was sent; never all at once."""
    counted = select(func.count()).select_from(Event)
    before = session.scalar(counted.where(Event.handoff_id == row.handoff_id, Event.event == POSTPONED)) or 0
    pause = min(_LONGEST_PAUSE, 2.0 ** min(before + 1, 10))
    row.due_at = now + pause * random.uniform(0.5, 1.0)
    row.leased_until, row.leased_by = 0.0, None


def wait_to_settle(row: OutboxRow, settle_seconds: float, now: float) -> None:
    """Free the row; the engine is asked for it now and then until what was sent has had its time to appear."""
    settled_at = (row.sent_at or 0.0) + settle_seconds
    row.due_at = min(settled_at, now + max(0.2, settle_seconds / _ASKED_WHILE_SETTLING))
    row.leased_until, row.leased_by = 0.0, None


def settle(session: Session, handoff_id: str) -> None:
    """Remove the row: the engine's answer is known, or none will come."""
    session.execute(delete(OutboxRow).where(OutboxRow.handoff_id == handoff_id))


def at_engine(session: Session, target: str) -> Sequence[str]:
    """Handoffs that the target's engine has, oldest first."""
    states = [state.value for state in AT_ENGINE]
    chosen = select(Handoff.id).where(Handoff.target == target, Handoff.state.in_(states))
    return session.scalars(chosen.order_by(Handoff.created_at)).all()


def busy(session: Session, target: str) -> int:
    """Runs that take a place at the target."""
    states = [state.value for state in (*AT_ENGINE, State.SUBMITTING)]
    counted = select(func.count()).select_from(Handoff).where(Handoff.target == target, Handoff.state.in_(states))
    return session.scalar(counted) or 0
