"""Something of a study came in: make the study if it is new, and look at it again after the quiet time."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.tables import Study
from handoff.settings import ProjectRules


def study_of(session: Session, project: str, study_uid: str, now: float, rules: ProjectRules) -> Study:
    """The study, open and due after the quiet time; the caller's transaction holds it."""
    chosen = select(Study).where(Study.project == project, Study.study_uid == study_uid).with_for_update()
    study = session.scalar(chosen)
    if study is None:
        study = Study(project=project, study_uid=study_uid, version=0, truth="unannotated")
        session.add(study)
    study.state, study.waiting_for = "open", "quiet-time"
    study.last_arrival_at = now
    study.due_at = now + rules.quiet_seconds
    session.flush()
    return study
