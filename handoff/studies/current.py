"""Which instances a study consists of now, by rows alone: an object of each would keep others from writing for long."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from handoff.database.tables import Instance, Shipment
from handoff.withdrawals.gate import AT_ONCE


def wanted(session: Session, study_id: int) -> Sequence[Instance]:
    """The instances that were not withdrawn, of every revision; references of annotations alone."""
    asked = (Instance.id, Instance.sop_instance_uid, Instance.revision, Instance.digest, Instance.annotation)
    references = case((Instance.annotation, Instance.references)).label("references")  # to read JSON takes longest
    chosen = select(*asked, references).join(Shipment, Shipment.id == Instance.shipment_id)
    rows = session.execute(chosen.where(Instance.study_id == study_id, Shipment.withdrawn_by.is_(None))).all()
    return cast("Sequence[Instance]", rows)


def mark_current(session: Session, study_id: int, chosen: set[int], *, only_fewer: bool = False) -> None:
    """Let these be the current instances of a study, and no others; with `only_fewer` none becomes so."""
    was = set(session.scalars(select(Instance.id).where(Instance.study_id == study_id, Instance.current)))
    _set(session, was - chosen, current=False)
    if not only_fewer:
        _set(session, chosen - was, current=True)


def _set(session: Session, ids: set[int], *, current: bool) -> None:
    ordered = sorted(ids)
    for start in range(0, len(ordered), AT_ONCE):
        some = Instance.id.in_(ordered[start : start + AT_ONCE])
        session.execute(
            update(Instance).where(some).values(current=current).execution_options(synchronize_session=False)
        )
