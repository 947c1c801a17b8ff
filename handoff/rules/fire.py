"""Takes one firing a step further. Each step is one transaction: a crash leaves it before or after, never between.

1. WAITING: the rule is still there and means it; a study that is open again is waited for, one with a newer version is
   that version's matter, unless a withdrawal made it. The limit of a day is looked at and used up under the rule's
   lock.
2. FORMING: the batch is formed outside of any transaction, for it may be long. The first worker that is done records
   it; its handoff for preparing is accepted in that very transaction. So a firing has one batch and one handoff,
   though two workers may have formed two.
3. PREPARING: once it is prepared, by that handoff or one that a person had run again, what follows is accepted in the
   transaction that makes the firing FIRED.

Each handoff that a firing starts, or finds to be there, stands in the log of lineage with it; not when it was.

Whatever a person may mend (no such pipeline, no such alias, preparing failed) is tried again, with its reason shown.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.batches.form import BatchForming
from handoff.database.dialect import hold_until_commit
from handoff.database.engine import Database
from handoff.database.tables import Handoff, RuleFiring, Study, StudyVersion
from handoff.errors import (
    BatchError,
    BusyError,
    HandoffError,
    RefusedError,
    StoreDownError,
    StoreFullError,
)
from handoff.handoffs.accept import AcceptedHandoff, HandoffAcceptance, write_once
from handoff.handoffs.states import ENDED, State
from handoff.lineage.log import record
from handoff.rules.count import count_study
from handoff.rules.occasions import kind_of_occasion, study_of_occasion
from handoff.rules.rule import NewStudies, Rule, Step
from handoff.rules.select import Meant, batch_of, means
from handoff.rules.signals import model_named
from handoff.rules.states import STARTED, Firing
from handoff.schemas.handoffs import HandoffRequest
from handoff.settings import Settings
from handoff.withdrawals.shrink import WITHDRAWN

log = structlog.get_logger("handoff.rules")
MEND_SECONDS = 60.0
"""How often it is tried again what a person must mend first."""
LONGEST_LOOK_SECONDS = 30.0
"""The longest time between two looks at a batch that is being prepared."""
LONGEST_WAIT_SECONDS = 1800.0
"""The longest time between two looks at anything."""
_DAY = 86_400.0
_TEMPORARY = (BusyError, StoreDownError, StoreFullError)


@dataclass(frozen=True, slots=True)
class Deciding:
    """What deciding needs; one per process."""

    database: Database
    forming: BatchForming
    acceptance: HandoffAcceptance
    settings: Settings

    def step(self, firing_id: int, now: float) -> bool:
        """Take a firing one step further; whether the next step may follow at once."""
        with self.database.read() as session:
            state = session.get_one(RuleFiring, firing_id).state
        match state:
            case Firing.WAITING:
                return self._weigh(firing_id, now)
            case Firing.FORMING:
                return self._form(firing_id, now)
            case Firing.PREPARING:
                return self._follow(firing_id, now)
            case _:
                return False

    def _rule(self, row: RuleFiring) -> Rule | None:
        return self.settings.rules_in(row.project).get(row.rule)

    def _weigh(self, firing_id: int, now: float) -> bool:
        """Step (1)."""
        with self.database.write() as session:
            row = session.get_one(RuleFiring, firing_id, with_for_update=True)
            if row.state != Firing.WAITING:
                return False
            rule = self._rule(row)
            if rule is None:
                end(row, Firing.SKIPPED, "rule-gone")
                return False
            if not _still_meant(session, row, rule, now):
                return False
            if isinstance(rule.when, NewStudies) and study_of_occasion(row.occasion):
                count_study(session, row, rule.when.count, now)
                return False
            return _within_limit(session, row, rule, now)

    def _form(self, firing_id: int, now: float) -> bool:
        """Step (2)."""
        with self.database.read() as session:
            row = session.get_one(RuleFiring, firing_id)
        rule = self._rule(row)
        formed = row.batch_id
        try:
            if rule is not None and formed is None:
                formed = self.forming.form(batch_of(rule, row.project, row.occasion)).batch.id
        except HandoffError as error:
            self._not_formed(firing_id, error, now)
            return False
        with self.database.write() as session:
            row = session.get_one(RuleFiring, firing_id, with_for_update=True)
            if row.state != Firing.FORMING:
                return False
            if rule is None or formed is None:
                end(row, Firing.SKIPPED, "rule-gone")
                return False
            row.batch_id = row.batch_id or formed
            return self._accept(session, row, rule, now)

    def _accept(self, session: Session, row: RuleFiring, rule: Rule, now: float) -> bool:
        """Have the recorded batch prepared."""
        assert row.batch_id is not None
        accepted = self._start(session, row, _request(row.batch_id, "prepare", rule.prepare), now)
        if accepted is None:
            return False
        if rule.then is None:
            end(row, Firing.FIRED, None if accepted.created else "already-ran")
            return False
        row.state, row.reason = Firing.PREPARING.value, None
        return True

    def _not_formed(self, firing_id: int, error: HandoffError, now: float) -> None:
        with self.database.write() as session:
            row = session.get_one(RuleFiring, firing_id, with_for_update=True)
            if row.state != Firing.FORMING or row.batch_id is not None:
                return
            if isinstance(error, _TEMPORARY):
                wait(row, error.code, now + MEND_SECONDS)
            elif error.code == "study-not-complete":
                row.state = Firing.WAITING.value  # something of it came meanwhile
                wait(row, "study-open", now + 1)
            else:
                end(row, Firing.SKIPPED if isinstance(error, BatchError) else Firing.FAILED, error.code)

    def _follow(self, firing_id: int, now: float) -> bool:
        """Step (3)."""
        with self.database.write() as session:
            row = session.get_one(RuleFiring, firing_id, with_for_update=True)
            if row.state != Firing.PREPARING or row.batch_id is None or row.handoff_id is None:
                return False
            rule = self._rule(row)
            if rule is None or rule.then is None:
                end(row, Firing.SKIPPED, "rule-gone")
                return False
            prepared = _prepared(session, row, now)
            if prepared is None:
                return False
            model = None if rule.then.model is None else model_named(session, rule.then.model)
            if rule.then.model is not None and model is None:
                wait(row, "alias-unknown", now + MEND_SECONDS)
                return False
            request = _request(row.batch_id, rule.then.kind, rule.then, model)
            accepted = self._start(session, row, request, now, prepared)
            if accepted is not None:
                end(row, Firing.FIRED, None if accepted.created else "already-ran")
            return False

    def _start(
        self, session: Session, row: RuleFiring, request: HandoffRequest, now: float, prepared_by: str | None = None
    ) -> AcceptedHandoff | None:
        """Accept a handoff in the transaction of the firing; None when it cannot be, now or ever."""
        try:
            decision = self.acceptance.decide(session, request, prepared_by)
        except RefusedError as error:
            if error.code == "batch-withdrawn":
                end(row, Firing.FAILED, error.code)
            else:
                wait(row, error.code, now + MEND_SECONDS)
            return None
        accepted = write_once(session, decision, f"rule:{row.rule}")
        row.handoff_id = accepted.id
        record(
            session,
            "rule-fired",
            ("firing", str(row.id)),
            row.project,
            rule=row.rule,
            occasion=kind_of_occasion(row.occasion),
            batch=row.batch_id,
            handoff=accepted.id,
            already_ran=not accepted.created,
        )
        return accepted


def wait(row: RuleFiring, reason: str, until: float) -> None:
    """Look at a firing again later, and say why."""
    row.reason, row.due_at = reason, until


def end(row: RuleFiring, state: Firing, reason: str | None) -> None:
    """Nothing more will come of a firing."""
    row.state, row.reason = state.value, reason
    facts = {"project": row.project, "rule": row.rule, "occasion": row.occasion}
    log.info("firing", **facts, state=state.value, reason=reason, batch=row.batch_id, handoff_id=row.handoff_id)


def fired_since(session: Session, project: str, rule: str, now: float) -> tuple[int, float]:
    """Firings of the last 24 hours, and when the first of them was.

    A time of tomorrow stems from a clock that was put back, and counts for a day.
    """
    counted = select(func.count(), func.min(RuleFiring.at)).where(
        RuleFiring.project == project,
        RuleFiring.rule == rule,
        RuleFiring.state.in_([state.value for state in STARTED]),
        RuleFiring.reason.is_distinct_from("already-ran"),
        RuleFiring.at.between(now - _DAY, now + _DAY),
    )
    number, first = session.execute(counted).one()
    return number, first if number else now


def _still_meant(session: Session, row: RuleFiring, rule: Rule, now: float) -> bool:
    """Whether the study of an occasion is still the one that it was; True of what is about no study."""
    about = study_of_occasion(row.occasion)
    if about is None:
        return True
    named = select(Study).where(Study.project == row.project, Study.study_uid == about[0])
    study = session.scalar(named)
    if study is None:
        end(row, Firing.SKIPPED, "study-gone")
        return False
    if _overtaken(session, study, about[1]):
        end(row, Firing.SKIPPED, "newer-version")
        return False
    if study.state != "complete":
        wait(row, "study-open", now + 1)
        return False
    match means(session, rule, study):
        case Meant.YES:
            return True
        case Meant.NO:
            end(row, Firing.SKIPPED, "not-selected")
        case Meant.ONCE_LABELLED:
            row.state, row.reason = Firing.ASLEEP.value, "no-label-yet"
    return False


def _overtaken(session: Session, study: Study, version: int) -> bool:
    """Whether a newer version is a matter of its own. What is left by a withdrawal is none: nothing of it is new."""
    if study.version == version:
        return False
    newer = select(StudyVersion.closed_by).where(StudyVersion.study_id == study.id, StudyVersion.version > version)
    return any(closed_by.get("rule") != WITHDRAWN for closed_by in session.scalars(newer))


def _within_limit(session: Session, row: RuleFiring, rule: Rule, now: float) -> bool:
    """Use up one firing of the day. What is about studies waits for the next one, for they would be forgotten."""
    hold_until_commit(session, f"rule {row.project} {row.rule}")
    most = rule.at_most_per_day
    fired, first = fired_since(session, row.project, row.rule, now)
    if most is not None and fired >= most:
        if row.occasion.startswith(("study:", "studies:")):
            wait(row, "daily-limit", min(now + LONGEST_WAIT_SECONDS, max(now + MEND_SECONDS, first + _DAY)))
        else:
            end(row, Firing.SKIPPED, "daily-limit")
        return False
    row.state, row.reason, row.at = Firing.FORMING.value, None, now
    return True


def _prepared(session: Session, row: RuleFiring, now: float) -> str | None:
    """The handoff of this firing once it succeeded, or a rerun of it, or of a rerun of it."""
    mine = session.get_one(Handoff, row.handoff_id)
    if mine.state == State.SUCCEEDED:
        return mine.id
    if State(mine.state) not in ENDED:
        wait(row, "preparing", now + min(LONGEST_LOOK_SECONDS, 0.5 + abs(now - row.at) / 10))
        return None
    again = select(Handoff.id).where(Handoff.rerun_of == mine.id).cte(recursive=True)
    again = again.union(select(Handoff.id).join(again, Handoff.rerun_of == again.c.id))
    of_those = select(Handoff.id).join(again, Handoff.id == again.c.id)
    instead = session.scalar(of_those.where(Handoff.state == State.SUCCEEDED.value).order_by(Handoff.ended_at).limit(1))
    if instead is None:
        wait(row, f"preparing-{mine.state.lower()}", now + MEND_SECONDS)
    return instead


def _request(batch: str, kind: str, step: Step, model: str | None = None) -> HandoffRequest:
    return HandoffRequest.model_validate(
        {
            "kind": kind,
            "batch": batch,
            "target": step.target,
            "pipeline": step.pipeline,
            "parameters": step.parameters,
            "model": model,
        }
    )
