"""Let nothing withdrawn in, and order withdrawals against whatever would use what they withdraw.

Whoever makes something of shipments takes the lock shared in its last transaction, and looks there whether they may
be used; a withdrawal takes it alone. So either the withdrawal sees what was made, or the maker sees the withdrawal.
On SQLite transactions that write are alone anyway.
"""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.dialect import hold_until_commit
from handoff.database.tables import Batch, Instance, Shipment, Withdrawal, WithdrawnShipment
from handoff.errors import WithdrawnError

_LOCK = "withdrawals"
AT_ONCE = 500
"""Ids of one query."""


def hold_shared(session: Session) -> None:
    """Let no withdrawal begin before this transaction ends."""
    hold_until_commit(session, _LOCK, shared=True)


def hold_alone(session: Session) -> None:
    """Let nobody use shipments before this transaction ends."""
    hold_until_commit(session, _LOCK)


def require_wanted(session: Session, shipment_id: str) -> None:
    """Let a shipment that was not withdrawn pass.

    Raises:
        WithdrawnError: it was, perhaps before it ever arrived.
    """
    withdrawn = select(WithdrawnShipment.shipment_id).where(WithdrawnShipment.shipment_id == shipment_id)
    if session.scalar(withdrawn.limit(1)) is not None:
        raise WithdrawnError("This shipment was withdrawn.")


def is_withdrawn(session: Session, batch_id: str) -> bool:
    """Whether nothing may be made of a batch any more."""
    return session.scalar(select(Batch.withdrawn_by).where(Batch.id == batch_id)) is not None


def wanted_instances(session: Session, study_id: int) -> Sequence[Instance]:
    """The instances of a study that were not withdrawn, of every revision."""
    chosen = select(Instance).join(Shipment, Shipment.id == Instance.shipment_id)
    return session.scalars(chosen.where(Instance.study_id == study_id, Shipment.withdrawn_by.is_(None))).all()


def withdrawals_of(session: Session, project: str) -> int:
    """How many withdrawals a project has; the number only rises."""
    return session.scalar(select(func.count()).select_from(Withdrawal).where(Withdrawal.project == project)) or 0


def in_parts(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """The values, as many at once as one query takes."""
    ordered = sorted(values)
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]
