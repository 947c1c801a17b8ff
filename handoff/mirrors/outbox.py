"""What a mirror still has to be told: rows made from the log of lineage, leases, and where in the log it is.

A mirror is a place in the log: what comes after it becomes rows of that mirror, in one transaction with the place. So
a change writes nothing for any mirror, and one that is set up later begins at the log's beginning.

A row stands for a thing, and says that it changed and not how: the mirror is told what the thing is now, so nothing
depends on the order of changes, and no two workers tell of one thing at a time. Or it stands for one event, where the
mirror is told of each in its order; then it goes when it was told.
"""

import random
import time

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from handoff.database.dialect import insert_if_absent
from handoff.database.tables import LineageEvent, MirrorRow
from handoff.lineage.log import events_after
from handoff.mirrors.interface import EVENT, Change, Mirror

PLACE = "place"
"""The kind of the row that says how far a mirror has read the log: its `wanted` is the last event's id."""
LEASE_SECONDS = 180.0
"""Longer than all calls about one thing may take together."""
MOST_ATTEMPTS = 5
_LONGEST_PAUSE = 300.0
_AT_ONCE = 100


def follow(session: Session, mirror: Mirror) -> bool:
    """Make rows of the next events that a mirror wants; True when there may be more."""
    place = _place(session, mirror)
    events = events_after(session, place.wanted, _AT_ONCE)
    for event in events:
        row = mirror.wants(event)
        if row is not None:
            announce(session, mirror.name, *row, again=row[0] != EVENT)
        place.wanted = event.id
    return len(events) == _AT_ONCE


def anything_to_do(session: Session, mirror: Mirror) -> bool:
    """Whether the log went on or a row is due: a look that takes no write lock."""
    told = select(MirrorRow.wanted).where(MirrorRow.mirror == mirror.name, MirrorRow.kind == PLACE)
    if (session.scalar(select(func.max(LineageEvent.id))) or 0) > (session.scalar(told) or 0):
        return True
    due = select(MirrorRow.id).where(
        MirrorRow.mirror == mirror.name, MirrorRow.state == "waiting", MirrorRow.due_at <= time.time()
    )
    return session.scalar(due.limit(1)) is not None


def _place(session: Session, mirror: Mirror) -> MirrorRow:
    """How far it is; one that may not learn of what was before begins at the log's end."""
    chosen = select(MirrorRow).where(MirrorRow.mirror == mirror.name, MirrorRow.kind == PLACE)
    row = session.scalar(chosen.with_for_update())
    if row is None:
        begin = 0 if mirror.history else session.scalar(select(func.max(LineageEvent.id))) or 0
        values = {"mirror": mirror.name, "kind": PLACE, "subject": "", "wanted": begin, "state": "following"}
        insert_if_absent(session, MirrorRow, {**values, "due_at": time.time(), "attempts": 0, "leased_until": 0.0})
        row = session.scalars(chosen.with_for_update()).one()
    return row


def announce(session: Session, mirror: str, kind: str, subject: str, *, again: bool = True) -> None:
    """Say that a mirror is to be told of a thing; without `again` it has no row of that thing yet."""
    chosen = select(MirrorRow).where(MirrorRow.mirror == mirror, MirrorRow.kind == kind, MirrorRow.subject == subject)
    row = session.scalar(chosen.with_for_update()) if again else None
    if row is None:
        session.add(MirrorRow(mirror=mirror, kind=kind, subject=subject, due_at=time.time()))
        return
    row.wanted += 1
    if row.state != "waiting":
        row.state, row.reason, row.attempts, row.due_at = "waiting", None, 0, time.time()


def lease(session: Session, mirror: str, worker: str, *, ordered: bool = False) -> Change | None:
    """Take the row that has been due for longest; with `ordered` the first one, and none while that one waits."""
    now = time.time()
    waiting = select(MirrorRow).where(MirrorRow.mirror == mirror, MirrorRow.state == "waiting")
    if ordered:
        row = session.scalar(waiting.order_by(MirrorRow.id).limit(1).with_for_update())
        if row is not None and (row.due_at > now or row.leased_until > now):
            return None
    else:
        due = waiting.where(MirrorRow.due_at <= now, MirrorRow.leased_until <= now)
        oldest = due.order_by(MirrorRow.due_at, MirrorRow.id).limit(1)
        row = session.scalar(oldest.with_for_update(skip_locked=True))
    if row is None:
        return None
    row.leased_by, row.leased_until = worker, now + LEASE_SECONDS
    return Change(row.id, row.kind, row.subject, row.wanted)


def free_leases(session: Session, mirror: str, worker: str) -> None:
    """Take back what this worker had before it was killed; only for who holds the worker's lock."""
    mine = update(MirrorRow).where(MirrorRow.mirror == mirror, MirrorRow.leased_by == worker)
    session.execute(mine.values(leased_by=None, leased_until=0.0))


def delivered(session: Session, change: Change) -> None:
    """The mirror knows the thing as it was at the lease; a change since then is still to be told."""
    row = session.get_one(MirrorRow, change.id, with_for_update=True)
    if row.kind == EVENT:
        session.delete(row)
        return
    row.leased_by, row.leased_until, row.attempts, row.reason = None, 0.0, 0, None
    if row.wanted == change.wanted:
        row.state = "delivered"


def put_off(session: Session, change: Change, reason: str, pause: float) -> None:
    """The mirror is away: tell it later, however long that takes."""
    row = session.get_one(MirrorRow, change.id, with_for_update=True)
    row.leased_by, row.leased_until, row.reason = None, 0.0, reason
    row.due_at = time.time() + pause


def refused(session: Session, change: Change, reason: str) -> bool:
    """The mirror will not have it: try some times more, then it is a dead letter; True when it is."""
    row = session.get_one(MirrorRow, change.id, with_for_update=True)
    row.leased_by, row.leased_until, row.reason = None, 0.0, reason
    row.attempts += 1
    row.due_at = time.time() + min(_LONGEST_PAUSE, 2.0**row.attempts) * random.uniform(0.5, 1.0)
    if row.attempts >= MOST_ATTEMPTS:
        row.state = "dead"
    return row.state == "dead"


def revive(session: Session, mirror: str) -> int:
    """Give dead letters another chance, as a new worker does; returns how many."""
    dead = update(MirrorRow).where(MirrorRow.mirror == mirror, MirrorRow.state == "dead")
    done = session.execute(dead.values(state="waiting", attempts=0, due_at=time.time()))
    return int(getattr(done, "rowcount", 0))
