"""Objects that go back: which are open, what the handoff claims of each, and who has acknowledged it."""

import time
from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.contract.returned import Acknowledgement, Claim
from handoff.database.tables import Batch, BatchInstance, Handoff, Instance, ResultFileRow
from handoff.errors import ConflictError, NotFoundError, WithdrawnError
from handoff.withdrawals.gate import is_withdrawn


def open_objects(session: Session, limit: int, own: ColumnElement[bool]) -> list[str]:
    """Ids of objects that nobody has acknowledged, in no order: some that cannot be fetched must not hide the rest."""
    chosen = (
        select(ResultFileRow.object_id)
        .join(Handoff, Handoff.id == ResultFileRow.handoff_id)
        .join(Batch, Batch.id == Handoff.batch_id)
        .where(
            ResultFileRow.object_id.is_not(None),
            ResultFileRow.acknowledged_as.is_(None),
            Batch.withdrawn_by.is_(None),
            own,
        )
        .order_by(func.random())
        .limit(limit)
    )
    return [found for found in session.scalars(chosen) if found is not None]


def find_object(session: Session, object_id: str, who: Principal) -> ResultFileRow:
    """The file behind an id.

    Raises:
        NotFoundError: no result of the projects of `who` has such an object.
        WithdrawnError: something of its batch was withdrawn.
    """
    row = session.scalar(select(ResultFileRow).where(ResultFileRow.object_id == object_id))
    handoff = None if row is None else session.get_one(Handoff, row.handoff_id)
    if row is None or handoff is None or not who.sees(handoff.project):
        raise NotFoundError("No result has such an object.")
    if is_withdrawn(session, handoff.batch_id):
        raise WithdrawnError("Something of the batch of this object was withdrawn.", code="batch-withdrawn")
    return row


def claim_of(session: Session, row: ResultFileRow) -> Claim:
    """Everything that the trusted side compares with its own books."""
    handoff = session.get_one(Handoff, row.handoff_id)
    shipments = session.scalars(
        select(Instance.shipment_id)
        .join(BatchInstance, BatchInstance.instance_id == Instance.id)
        .where(BatchInstance.batch_id == handoff.batch_id)
        .distinct()
        .order_by(Instance.shipment_id)
    )
    return Claim.model_validate(
        {
            "id": row.object_id,
            "handoff": handoff.id,
            "path": row.path,
            "sha256": row.sha256,
            "size": row.size,
            "project": handoff.project,
            "batch": handoff.batch_id,
            "model": handoff.model_id,
            "shipments": tuple(shipments),
        }
    )


def acknowledge(row: ResultFileRow, said: Acknowledgement) -> None:
    """Note that the trusted side has the object; the first word stays.

    Raises:
        ConflictError: what it has is not what this id stands for.
    """
    if (said.sha256, said.size) != (row.sha256, row.size):
        raise ConflictError("The acknowledged object is another than this id stands for.")
    if row.acknowledged_as is None:
        row.acknowledged_as, row.held_because, row.acknowledged_at = said.outcome, said.reason, time.time()


def chunks(head: bytes, content: Iterable[bytes]) -> Iterator[bytes]:
    """The claim's line, then the file."""
    yield head
    yield from content
