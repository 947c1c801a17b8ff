"""Judge the studies that are due. Runs in a thread of the service; every replica may run it."""

import threading
import time

import structlog
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from handoff.contract.evidence import Evidence
from handoff.contract.expected import EVIDENCE_MESSAGE, ExpectedCount
from handoff.database.engine import Database
from handoff.database.tables import EvidenceMessage, Instance, Shipment, Study, StudyVersion
from handoff.settings import Settings
from handoff.studies.content import content_digest, current_instances, truth_of
from handoff.studies.judge import Complete, Count, Waiting, judge
from handoff.withdrawals.gate import wanted_instances

log = structlog.get_logger("handoff.studies")
_AT_ONCE = 50
"""Studies judged in one transaction, which keeps it short."""
_UNREADABLE_SECONDS = 60.0


def close_due(session: Session, settings: Settings, now: float) -> int:
    """Judge the studies that are due; returns how many were looked at."""
    due = select(Study).where(Study.state == "open", Study.due_at <= now).limit(_AT_ONCE)
    studies = session.scalars(due.with_for_update(skip_locked=True)).all()
    for study in studies:
        try:
            verdict = _judge(session, study, settings, now)
        except ValidationError:
            # Written by another version of the contract: this study waits for a person, all others go on.
            verdict = Waiting("evidence-unreadable", until=now + _UNREADABLE_SECONDS)
        if isinstance(verdict, Waiting):
            study.waiting_for, study.due_at = verdict.reason, verdict.until
        else:
            _close(session, study, verdict, now)
        log.info(
            "study",
            project=study.project,
            study=study.study_uid,
            state=study.state,
            version=study.version,
            waits=study.waiting_for,
        )
    return len(studies)


def _judge(session: Session, study: Study, settings: Settings, now: float) -> Complete | Waiting:
    messages = session.scalars(
        select(EvidenceMessage).where(EvidenceMessage.study_id == study.id).order_by(EvidenceMessage.received_at)
    )
    said = [EVIDENCE_MESSAGE.validate_python(message.body) for message in messages]
    evidence = [message for message in said if isinstance(message, Evidence)]
    counts = [message for message in said if isinstance(message, ExpectedCount)]
    rows = session.execute(select(Shipment.id, Shipment.delivered).where(Shipment.study_id == study.id))
    arrived = {identifier: delivered for identifier, delivered in rows}  # noqa: C416 - dict() has no type for rows
    count = _counted(session, study, counts)
    return judge(evidence, arrived, study.last_arrival_at, now, settings.rules_of(study.project), count=count)


def _counted(session: Session, study: Study, counts: list[ExpectedCount]) -> Count | None:
    """The last count of a PACS beside what is here."""
    if not counts:
        return None
    here = select(func.count(func.distinct(Instance.sop_instance_uid))).where(Instance.study_id == study.id)
    return Count(max(counts, key=lambda count: count.revision), session.scalar(here) or 0)


def _close(session: Session, study: Study, verdict: Complete, now: float) -> None:
    """Make the study complete; the next version only when its content changed."""
    instances = session.scalars(select(Instance).where(Instance.study_id == study.id)).all()
    current = current_instances(wanted_instances(session, study.id))
    chosen = {instance.id for instance in current}
    for instance in instances:
        instance.current = instance.id in chosen
    content = content_digest(current)
    if content != study.content:
        study.version += 1
        study.content = content
        session.add(
            StudyVersion(
                study_id=study.id,
                version=study.version,
                content=content,
                instances=len(current),
                closed_by=verdict.closed_by,
                closed_at=now,
            )
        )
    study.state, study.waiting_for, study.due_at = "complete", None, None
    study.truth = truth_of(current)


class StudyCloser(threading.Thread):
    """Looks for due studies until it is stopped."""

    def __init__(self, database: Database, settings: Settings, period_seconds: float = 0.5) -> None:
        super().__init__(name="study-closer", daemon=True)
        self._database = database
        self._settings = settings
        self._period = period_seconds
        self._stopped = threading.Event()

    def run(self) -> None:
        """The loop; a database that is busy or gone for a moment ends it as little as a bug does."""
        while not self._stopped.wait(self._period):
            try:
                while self._any_due() and not self._stopped.is_set():
                    with self._database.write() as session:
                        close_due(session, self._settings, time.time())
            except SQLAlchemyError as error:
                log.warning("closing-failed", cause=type(error).__name__)
            except Exception:  # the outermost loop: a bug in one study must not end the closing of all
                log.exception("closing-failed")

    def stop(self) -> None:
        """End the loop and wait for its last transaction."""
        self._stopped.set()
        self.join(timeout=10)

    def _any_due(self) -> bool:
        """A look that takes no write lock, because there is nothing to do nearly always."""
        with self._database.read() as session:
            due = select(Study.id).where(Study.state == "open", Study.due_at <= time.time()).limit(1)
            return session.scalar(due) is not None
