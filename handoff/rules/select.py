"""Whether a study is one that a rule means, and the batch that a firing means."""

from enum import Enum, auto

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from handoff.database.tables import LabelRowRecord, Study
from handoff.rules.occasions import study_of_occasion
from handoff.rules.rule import EachStudy, Rule
from handoff.schemas.batches import BatchRequest, ChosenStudies, LabelChoice


class Meant(Enum):
    """Whether a rule means a study."""

    YES = auto()
    NO = auto()
    ONCE_LABELLED = auto()
    """Labels come when they come; the study is meant as soon as it has one."""


def means(session: Session, rule: Rule, study: Study) -> Meant:
    """Whether a rule means a complete study, as it is now."""
    match rule.select:
        case "all":
            return Meant.YES
        case "labelled":
            return Meant.YES if _labelled(session, study, rule.labels) else Meant.ONCE_LABELLED
        case truth:
            return Meant.YES if study.truth == truth else Meant.NO


def batch_of(rule: Rule, project: str, occasion: str) -> BatchRequest:
    """The batch of a firing: that study alone, or all that the rule means of the project."""
    study = study_of_occasion(occasion) if isinstance(rule.when, EachStudy) else None
    return BatchRequest(
        project=project,
        select=ChosenStudies(studies=(study[0],)) if study else rule.select,
        labels=rule.labels,
        spec_digest=rule.spec_digest,
        test_percent=rule.test_percent,
        key_epoch=rule.key_epoch,
    )


def _labelled(session: Session, study: Study, choice: LabelChoice) -> bool:
    """Whether a wanted label is of the study or of its patient."""
    row = LabelRowRecord
    of_study = or_(row.study_uid == study.study_uid, row.study_uid.is_(None))
    mine = select(row.source, row.labels).where(row.project == study.project, row.patient == study.patient, of_study)
    return any(choice.wants(name, source) for source, labels in session.execute(mine) for name in labels)
