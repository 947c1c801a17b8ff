"""A person's word closes a study upon what is here, whatever is still missing."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.tables import EvidenceMessage, Instance, Study
from handoff.errors import ConflictError, NotFoundError, RefusedError
from handoff.settings import Settings
from handoff.studies.close import close, tell_versions
from handoff.studies.judge import Complete
from handoff.studies.weigh import arrived


@dataclass(frozen=True, slots=True)
class Force:
    """Who closes which study of which project, and why, in that person's words."""

    project: str
    study: str
    by: str
    reason: str


def close_by_force(session: Session, settings: Settings, force: Force, now: float) -> Study:
    """Close an open study now, in the caller's transaction.

    What evidence said until now is not asked for again: a late instance makes the next version by the evidence that
    comes with it, and need not be forced too.

    Raises:
        NotFoundError: there is no such study in the project.
        ConflictError: the study is complete.
        RefusedError: nothing of it is here.
    """
    chosen = select(Study).where(Study.project == force.project, Study.study_uid == force.study)
    study = session.scalar(chosen.with_for_update())
    if study is None:
        raise NotFoundError
    if study.state == "complete":
        raise ConflictError(
            "The study is complete, so there is nothing to force.",
            code="study-complete",
            remedy="GET the study: closed_by says what closed it.",
        )
    here = select(func.count()).select_from(Instance).where(Instance.study_id == study.id)
    if not session.scalar(here):
        raise RefusedError(
            "Nothing of the study is here.", code="study-empty", remedy="Wait until its first shipment has arrived."
        )
    messages = select(EvidenceMessage.id).where(EvidenceMessage.study_id == study.id)
    evidence, shipments = sorted(session.scalars(messages)), arrived(session, study)
    closed_by = {
        "rule": "forced",
        "by": force.by,
        "reason": force.reason,
        "waited_for": study.waiting_for,
        "evidence": evidence,
        "shipments": len(shipments),
        "delivered": sum(shipments.values()),
    }
    settled = {"evidence": evidence, "shipments": sorted(shipments)}
    study.forced = {"by": force.by, "reason": force.reason, **settled}
    before = study.version
    close(session, study, Complete(closed_by), settings, now)
    tell_versions(session, [study] if study.version != before else [])
    return study
