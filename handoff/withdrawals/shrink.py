"""A study without what was withdrawn from it: its next version at once, so that nobody has to wait for it."""

from sqlalchemy.orm import Session

from handoff.database.tables import Study, StudyVersion
from handoff.studies.content import content_digest, current_instances, truth_of
from handoff.studies.current import mark_current, wanted

WITHDRAWN = "withdrawn"
"""The rule by which such a version closed."""


def shrink(session: Session, study_id: int, withdrawal_id: str, now: float) -> None:
    """Choose the instances of a study anew among shipments that are not withdrawn.

    An open study gets its version when it closes, as ever; until then none of its instances is in use.
    """
    study = session.get_one(Study, study_id, with_for_update=True)
    current = current_instances(wanted(session, study_id))
    chosen = {instance.id for instance in current}
    mark_current(session, study_id, chosen, only_fewer=study.state != "complete")
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
