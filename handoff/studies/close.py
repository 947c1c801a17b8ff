"""Judge the studies that are due. Runs in a thread of the service; every replica may run it."""

import time
from collections.abc import Iterable

import structlog
from pydantic import ValidationError
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Study, StudyVersion
from handoff.lineage.log import record
from handoff.loop import Loop
from handoff.rules.occasions import study_closed
from handoff.settings import Settings
from handoff.studies.content import content_digest, current_instances, truth_of
from handoff.studies.current import mark_current, wanted
from handoff.studies.judge import Complete, Waiting
from handoff.studies.weigh import decide

log = structlog.get_logger("handoff.studies")
_AT_ONCE = 50
"""The most studies judged in one transaction, where they are small."""
_SHORT_SECONDS = 0.02
"""After this no further study is judged in a transaction: others write meanwhile, and the rest is due all the same."""
_UNREADABLE_SECONDS = 60.0


def close_due(session: Session, settings: Settings, now: float) -> int:
    """Judge the studies that are due; returns how many were looked at."""
    due = select(Study).where(_due(settings, now)).order_by(Study.due_at).limit(_AT_ONCE)
    studies = session.scalars(due.with_for_update(skip_locked=True)).all()
    before = {study.id: study.version for study in studies}
    judged: list[Study] = []
    until = time.monotonic() + _SHORT_SECONDS
    for study in studies:
        # A clock that was put back will not show for long what it showed then.
        study.last_arrival_at = min(study.last_arrival_at, now)
        try:
            verdict = decide(session, study, settings.rules_of(study.project), now)
        except ValidationError:
            # Written by another version of the contract: this study waits for a person, all others go on.
            verdict = Waiting("evidence-unreadable", until=now + _UNREADABLE_SECONDS)
        if isinstance(verdict, Waiting):
            study.waiting_for, study.due_at = verdict.reason, verdict.until
        else:
            close(session, study, verdict, settings, now)
        log.info(
            "study",
            project=study.project,
            study=study.study_uid,
            state=study.state,
            version=study.version,
            waits=study.waiting_for,
        )
        judged.append(study)
        session.flush()  # here, so that its time counts too
        if time.monotonic() > until:
            break
    # Last, for nothing may wait for a row after it.
    tell_versions(session, [study for study in judged if study.version != before[study.id]])
    return len(judged)


def tell_versions(session: Session, studies: Iterable[Study]) -> None:
    """Let the log of lineage tell of new versions of studies; the last thing of their transaction."""
    for study in studies:
        facts = {"version": study.version, "content": study.content}
        record(session, "study-complete", ("study", study.study_uid), study.project, **facts)


def close(session: Session, study: Study, verdict: Complete, settings: Settings, now: float) -> None:
    """Make a locked study complete; the next version, and what rules do about it, only when its content changed."""
    current = current_instances(wanted(session, study.id))
    mark_current(session, study.id, {instance.id for instance in current})
    content = content_digest(current)
    study.state, study.waiting_for, study.due_at = "complete", None, None
    study.truth = truth_of(current)
    if content == study.content:
        return
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
    study_closed(session, study, settings, now)


class StudyCloser(Loop):
    """Looks for due studies until it is stopped."""

    def __init__(self, database: Database, settings: Settings, period_seconds: float = 0.5) -> None:
        super().__init__("study-closer", period_seconds)
        self._database = database
        self._settings = settings

    def look(self) -> bool:
        """Judge some, if any is due; the first look takes no write lock, for there is nothing to do nearly always."""
        now = time.time()
        with self._database.read() as session:
            if session.scalar(select(Study.id).where(_due(self._settings, now)).limit(1)) is None:
                return False
        with self._database.write() as session:
            return close_due(session, self._settings, now) > 0


def _due(settings: Settings, now: float) -> ColumnElement[bool]:
    """Those whose time has come, and those whose time is further off than any wait: the clock was put back."""
    rules = [settings.rules, *(settings.rules_of(project) for project in settings.projects)]
    longest = max(_UNREADABLE_SECONDS, *(each.longest_wait_seconds for each in rules))
    far = Study.due_at > now + longest + _UNREADABLE_SECONDS
    return (Study.state == "open") & or_(Study.due_at <= now, far)
