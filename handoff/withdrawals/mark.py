"""Mark what a withdrawal was asked for, piece by piece: each a short transaction, and each may be repeated.

1. A piece writes the tombstones of some shipments and marks those that arrived, with every batch that holds something
   of theirs. Pieces come in the order of ids, so the last tombstone says where to go on.
2. A shipment that arrived in another project since it was asked for is none of this withdrawal.
3. With the last piece the list that was asked for is forgotten: the tombstones are it.
4. Then the studies get their next version. One that still has something withdrawn in use has not got it yet.
"""

import time
from bisect import bisect_right
from collections.abc import Sequence

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Batch, BatchShipment, Instance, Shipment, Withdrawal, WithdrawnShipment
from handoff.lineage.log import record
from handoff.withdrawals.gate import hold_alone
from handoff.withdrawals.shrink import shrink

ASKED = "asked"
"""The list, in what a withdrawal keeps, while it is not all marked."""
_AT_ONCE = 100
"""Shipments of one transaction, which keeps it short."""
_SHORT_SECONDS = 0.02
"""After this a transaction takes no further study."""


def mark_shipments(database: Database, withdrawal_id: str) -> None:
    """Mark what is not marked yet; nothing when all is."""
    with database.read() as session:
        asked: list[str] = session.get_one(Withdrawal, withdrawal_id).certificate.get(ASKED, [])
    last = ""
    while asked and last < asked[-1]:
        with database.write() as session:
            hold_alone(session)
            last = max(last, _last(session, withdrawal_id))
            after = bisect_right(asked, last)
            some = asked[after : after + _AT_ONCE]
            _mark(session, withdrawal_id, some)  # (1)
            last = some[-1] if some else last
    if asked:
        with database.write() as session:
            row = session.get_one(Withdrawal, withdrawal_id, with_for_update=True)
            row.certificate = {name: value for name, value in row.certificate.items() if name != ASKED}  # (3)


def shrink_studies(database: Database, withdrawal_id: str, seconds: float = float("inf")) -> None:
    """Let studies that lost something have their next version, as many as fit into the time."""
    deadline = time.monotonic() + seconds
    waiting = _unshrunk(database, withdrawal_id)
    while waiting and time.monotonic() < deadline:
        with database.write() as session:
            hold_alone(session)
            until = time.monotonic() + _SHORT_SECONDS
            shrink(session, waiting.pop(), withdrawal_id, time.time())
            while waiting and time.monotonic() < until:
                shrink(session, waiting.pop(), withdrawal_id, time.time())


def _unshrunk(database: Database, withdrawal_id: str) -> list[int]:
    """Studies of step (4), in one order from the end, so that two that shrink at once cannot wait for each other."""
    chosen = select(Instance.study_id).join(Shipment, Shipment.id == Instance.shipment_id)
    chosen = chosen.where(Shipment.withdrawn_by == withdrawal_id, Instance.current)
    with database.read() as session:
        return list(session.scalars(chosen.distinct().order_by(Instance.study_id.desc())))


def _last(session: Session, withdrawal_id: str) -> str:
    done = select(func.max(WithdrawnShipment.shipment_id)).where(WithdrawnShipment.withdrawal_id == withdrawal_id)
    return session.scalar(done) or ""


def _mark(session: Session, withdrawal_id: str, some: Sequence[str]) -> None:
    row = select(Withdrawal.project).where(Withdrawal.id == withdrawal_id).with_for_update()
    project = session.scalars(row).one()
    elsewhere = select(Shipment.id).where(Shipment.id.in_(some), Shipment.project != project)
    others = set(session.scalars(elsewhere))  # (2)
    mine = [one for one in some if one not in others]
    if not mine:
        return
    session.execute(insert(WithdrawnShipment), [{"shipment_id": one, "withdrawal_id": withdrawal_id} for one in mine])
    fresh = Shipment.id.in_(mine), Shipment.withdrawn_by.is_(None)
    session.execute(update(Shipment).where(*fresh).values(withdrawn_by=withdrawal_id))
    holding = select(BatchShipment.batch_id).where(BatchShipment.shipment_id.in_(mine))
    open_ = select(Batch.id, Batch.project, Batch.formed).where(Batch.id.in_(holding), Batch.withdrawn_by.is_(None))
    batches = session.execute(open_.order_by(Batch.id).with_for_update()).all()
    closed = update(Batch).where(Batch.id.in_([batch for batch, _, _ in batches])).values(withdrawn_by=withdrawal_id)
    session.execute(closed.execution_options(synchronize_session=False))
    for batch, of, formed in batches:
        if formed:
            record(session, "batch-withdrawn", ("batch", batch), of)
