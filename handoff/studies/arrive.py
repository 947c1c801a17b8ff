"""Something of a study came in: make the study if it is new, and look at it again, at once if it was counted."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.dialect import insert_if_absent
from handoff.database.tables import Study
from handoff.settings import ProjectRules


def study_of(session: Session, project: str, study_uid: str, now: float, rules: ProjectRules) -> Study:
    """The study, open, and due after the shortest quiet time or at once; the caller's transaction holds it."""
    chosen = select(Study).where(Study.project == project, Study.study_uid == study_uid).with_for_update()
    study = session.scalar(chosen)
    if study is None:
        # Replicas may hear of a new study at one moment: one of them makes it, the others wait for that row.
        facts = {"state": "open", "version": 0, "truth": "unannotated", "last_arrival_at": now}
        insert_if_absent(session, Study, {"project": project, "study_uid": study_uid, **facts})
        study = session.scalars(chosen).one()
    study.state, study.waiting_for = "open", "quiet-time"
    study.last_arrival_at = now
    study.due_at = now if study.expected is not None else now + min(rules.quiet_seconds, rules.commitment_quiet_seconds)
    session.flush()
    return study
