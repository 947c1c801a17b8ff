"""Leases: which worker has an outbox row, and until when."""

import random
from collections.abc import Sequence

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from handoff.database.dialect import hold_until_commit
from handoff.database.tables import Handoff, OutboxRow
from handoff.handoffs.lease import LEASE_SECONDS, is_free
from handoff.handoffs.queue import Queue, busy
from handoff.handoffs.shares import WAITS, fits, gpus_held
from handoff.handoffs.states import AT_ENGINE, State

MOST_ATTEMPTS = 8
_ASKED_WHILE_SETTLING = 15
_LONGEST_PAUSE = 60.0
CLAIMED = "claimed"
"""The event of a handoff to a pool that is a target's for good; the reason is the target."""
POSTPONED = "postponed"
"""The event of a row that has to wait."""


def take(session: Session, queue: Queue, row_id: int, worker: str, now: float) -> OutboxRow | None:
    """Lease a row that was due at an earlier look; None when it is not to be had any more.

    Two workers that want the same row get it once: a row that another one is just taking is passed over, and what was
    taken is leased. A row of a pool becomes the target's with its lease.
    """
    if queue.quotas:
        hold_until_commit(session, "gpu-quotas")  # or two targets could both give a project its last GPU
    free = and_(OutboxRow.id == row_id, is_free(now))
    chosen = select(OutboxRow, Handoff).join(Handoff, Handoff.id == OutboxRow.handoff_id).where(free)
    mine = or_(OutboxRow.target == queue.target, queue.unsent_of_pools())
    found = session.execute(chosen.where(mine).with_for_update(skip_locked=True)).first()
    if found is None:
        return None
    row, handoff = found
    if handoff.state != State.SUBMITTING and not _room(session, queue, handoff, now):
        return None
    if row.target != queue.target:
        row.target = handoff.target = queue.target
    row.leased_by, row.leased_until = worker, now + LEASE_SECONDS
    return row


def _room(session: Session, queue: Queue, handoff: Handoff, now: float) -> bool:
    """Whether the target has a place, and the project the GPUs; looked at again, for others take them too."""
    if handoff.state not in WAITS or busy(session, queue.target) >= queue.places:
        return False
    if not handoff.gpus or handoff.project not in queue.quotas:
        return True
    return fits(queue.quotas, gpus_held(session, now), handoff.project, handoff.gpus)


def free_leases(session: Session, target: str) -> None:
    """Take back what an earlier worker of this target left; only for who holds the target's lock."""
    session.execute(update(OutboxRow).where(OutboxRow.target == target).values(leased_until=0.0, leased_by=None))


def postpone(row: OutboxRow, now: float) -> None:
    """Free the row and let it wait, longer each time, whether or not anything was sent; never all at once."""
    row.pauses += 1
    row.due_at = now + min(_LONGEST_PAUSE, 2.0 ** min(row.pauses, 10)) * random.uniform(0.5, 1.0)
    row.leased_until, row.leased_by = 0.0, None


def give_back(handoff: Handoff, row: OutboxRow, due_at: float) -> None:
    """Let another member of the pool take a row of which nothing was sent."""
    row.target = handoff.target = str(handoff.pool)
    row.due_at = due_at


def wait_to_settle(row: OutboxRow, settle_seconds: float, now: float) -> None:
    """Free the row; the engine is asked for it now and then until what was sent has had its time to appear."""
    settled_at = (row.sent_at or 0.0) + settle_seconds
    row.due_at = min(settled_at, now + min(_LONGEST_PAUSE, max(0.2, settle_seconds / _ASKED_WHILE_SETTLING)))
    row.leased_until, row.leased_by = 0.0, None


def settle(session: Session, handoff_id: str) -> None:
    """Remove the row: the engine's answer is known, or none will come."""
    session.execute(delete(OutboxRow).where(OutboxRow.handoff_id == handoff_id))


def at_engine(session: Session, target: str) -> Sequence[str]:
    """Handoffs that the target's engine has, oldest first."""
    states = [state.value for state in AT_ENGINE]
    chosen = select(Handoff.id).where(Handoff.target == target, Handoff.state.in_(states))
    return session.scalars(chosen.order_by(Handoff.created_at)).all()
