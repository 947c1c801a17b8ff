"""One row for each thing that a mirror is told about. Written with the change itself, and kept when it was delivered.

A row says that a thing changed, not how: the mirror is told what the thing is now, so nothing depends on the order of
changes, and no two workers tell of one thing at a time. Rows are written whether or not a mirror is set up: one that is
set up later learns of all that was before.
"""

import random
import time
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from handoff.database.tables import MirrorRow

MIRRORS: tuple[str, ...] = ("mlflow",)
Kind = Literal["handoff", "model"]
LEASE_SECONDS = 180.0
"""Longer than all calls about one thing may take together."""
MOST_ATTEMPTS = 5
_LONGEST_PAUSE = 300.0


@dataclass(frozen=True, slots=True)
class Change:
    """A leased row."""

    id: int
    kind: str
    subject: str
    wanted: int


def announce(session: Session, kind: Kind, subject: str) -> None:
    """Say that a thing changed, in the transaction that changes it."""
    for mirror in MIRRORS:
        chosen = select(MirrorRow).where(
            MirrorRow.mirror == mirror, MirrorRow.kind == kind, MirrorRow.subject == subject
        )
        row = session.scalar(chosen.with_for_update())
        if row is None:
            session.add(MirrorRow(mirror=mirror, kind=kind, subject=subject, due_at=time.time()))
            continue
        row.wanted += 1
        if row.state != "waiting":
            row.state, row.reason, row.attempts, row.due_at = "waiting", None, 0, time.time()


def lease(session: Session, mirror: str, worker: str) -> Change | None:
    """Take the row that has been due for longest."""
    now = time.time()
    due = select(MirrorRow).where(
        MirrorRow.mirror == mirror,
        MirrorRow.state == "waiting",
        MirrorRow.due_at <= now,
        MirrorRow.leased_until <= now,
    )
    row = session.scalar(due.order_by(MirrorRow.due_at, MirrorRow.id).limit(1).with_for_update(skip_locked=True))
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
