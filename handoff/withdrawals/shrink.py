"""A study without what was withdrawn from it: its next version at once, so that nobody has to wait for it."""

from collections.abc import Sequence
from typing import cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from handoff.database.tables import Instance, Shipment, Study, StudyVersion
from handoff.studies.content import content_digest, current_instances, truth_of
from handoff.withdrawals.gate import AT_ONCE

WITHDRAWN = "withdrawn"
"""The rule by which such a version closed."""


def shrink(session: Session, study_id: int, withdrawal_id: str, now: float) -> None:
    """Choose the instances of a study anew among shipments that are not withdrawn.

    An open study gets its version when it closes, as ever; until then none of its instances is in use.
    """
    study = session.get_one(Study, study_id, with_for_update=True)
    current = current_instances(_wanted(session, study_id))
    chosen = {instance.id for instance in current}
    was = set(session.scalars(select(Instance.id).where(Instance.study_id == study_id, Instance.current)))
    _set_current(session, was - chosen, current=False)
    if study.state == "complete":
        _set_current(session, chosen - was, current=True)
    content = content_digest(current)
    if study.state != "complete" or content == study.content:
        return
    study.version += 1
    study.content, study.truth = content, truth_of(current)
    session.add(
        StudyVersion(
            study_id=study.id,
            version=study.version,
            content=content,
            instances=len(current),
            closed_by={"rule": WITHDRAWN, "withdrawal": withdrawal_id},
            closed_at=now,
        )
    )


def _wanted(session: Session, study_id: int) -> Sequence[Instance]:
    """The instances that were not withdrawn, as rows of what is asked of them: an object of each would take long."""
    asked = (Instance.id, Instance.sop_instance_uid, Instance.revision, Instance.digest)
    chosen = select(*asked, Instance.annotation, Instance.references).join(
        Shipment, Shipment.id == Instance.shipment_id
    )
    rows = session.execute(chosen.where(Instance.study_id == study_id, Shipment.withdrawn_by.is_(None))).all()
    return cast("Sequence[Instance]", rows)


def _set_current(session: Session, ids: set[int], *, current: bool) -> None:
    ordered = sorted(ids)
    for start in range(0, len(ordered), AT_ONCE):
        some = Instance.id.in_(ordered[start : start + AT_ONCE])
        session.execute(
            update(Instance).where(some).values(current=current).execution_options(synchronize_session=False)
        )
