"""Ask for a withdrawal: the tombstone. It is one short transaction; the purging comes after it.

1. The id is the digest of project and shipments: the same request again is the same withdrawal.
2. No shipment may be another project's; one that never arrived may be named, and will be refused when it comes.
3. Shipments and every batch with an instance of theirs are marked, and their studies lose those instances.
4. A withdrawal that ended with copies that could not be purged tries them again when it is asked for again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.database.engine import Database
from handoff.database.tables import Batch, BatchShipment, Shipment, Withdrawal, WithdrawnShipment
from handoff.errors import NotFoundError
from handoff.lineage.log import record
from handoff.schemas.withdrawals import WithdrawalRequest
from handoff.withdrawals.copies import PRESENT, REMAINS
from handoff.withdrawals.gate import hold_alone, in_parts
from handoff.withdrawals.scope import copies_of
from handoff.withdrawals.shrink import shrink


@dataclass(frozen=True, slots=True)
class Asked:
    """The withdrawal, and whether this request made it."""

    id: str
    created: bool


def withdrawal_id(project: str, shipments: Sequence[str]) -> str:
    """The id of a withdrawal, whatever the order of its shipments."""
    content = {"schema": "sluice.withdrawal/1", "project": project, "shipments": sorted(set(shipments))}
    return canonical_digest(content)[:32]


def withdraw(database: Database, request: WithdrawalRequest, asked_by: str) -> Asked:
    """Withdraw shipments for ever; from the commit on nothing new is made of them.

    Raises:
        NotFoundError: a shipment is of another project.
    """
    identifier = withdrawal_id(request.project, request.shipments)  # (1)
    with database.write() as session:
        hold_alone(session)
        known = session.get(Withdrawal, identifier, with_for_update=True)
        if known is not None:
            _ask_again(session, known)  # (4)
            return Asked(identifier, created=False)
        _require_own(session, request)  # (2)
        now = time.time()
        facts = {"project": request.project, "reason": request.reason, "asked_by": asked_by, "state": "purging"}
        session.add(Withdrawal(id=identifier, asked_at=now, **facts))
        session.flush()
        rows = [{"shipment_id": one, "withdrawal_id": identifier} for one in sorted(set(request.shipments))]
        session.execute(insert(WithdrawnShipment), rows)
        _mark(session, identifier, request.shipments, now)  # (3)
    return Asked(identifier, created=True)


def _require_own(session: Session, request: WithdrawalRequest) -> None:
    for part in in_parts(request.shipments):
        others = select(Shipment.id).where(Shipment.id.in_(part), Shipment.project != request.project)
        if session.scalar(others.limit(1)) is not None:
            raise NotFoundError("A shipment is none of this project.")


def _mark(session: Session, identifier: str, shipments: Sequence[str], now: float) -> None:
    studies: set[int] = set()
    for part in in_parts(shipments):
        fresh = Shipment.id.in_(part), Shipment.withdrawn_by.is_(None)
        studies.update(session.scalars(select(Shipment.study_id).where(*fresh).distinct()))
        session.execute(update(Shipment).where(*fresh).values(withdrawn_by=identifier))
        holding = select(BatchShipment.batch_id).where(BatchShipment.shipment_id.in_(part))
        batches = update(Batch).where(Batch.id.in_(holding), Batch.withdrawn_by.is_(None))
        session.execute(batches.values(withdrawn_by=identifier).execution_options(synchronize_session=False))
    for study in sorted(studies):  # in one order, so that two transactions cannot wait for each other
        shrink(session, study, identifier, now)
    withdrawn = select(Batch.id, Batch.project).where(Batch.withdrawn_by == identifier, Batch.formed).order_by(Batch.id)
    for batch, project in session.execute(withdrawn).all():
        record(session, "batch-withdrawn", ("batch", batch), project)


def _ask_again(session: Session, known: Withdrawal) -> None:
    if known.state != REMAINS:
        return
    known.state, known.ended_at = "purging", None
    for copy in copies_of(session, known.id):
        if copy.state == REMAINS:
            copy.state, copy.reason, copy.ended_at = PRESENT, None, None
