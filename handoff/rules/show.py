"""Rules and firings as the API shows them: when each last fired, and why not."""

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.database.tables import RuleFiring
from handoff.rules.check import lacking
from handoff.rules.fire import fired_since
from handoff.rules.occasions import kind_of_occasion
from handoff.rules.rule import EachStudy, NewStudies, Rule, Schedule
from handoff.rules.states import TO_DO, Firing
from handoff.schemas.rules import FiringView, RuleView
from handoff.settings import Settings

_ARRIVALS: Final = frozenset({"study", "studies"})
"""Occasions that happen when studies come."""


def show_rule(  # noqa: PLR0917
    session: Session, settings: Settings, project: str, name: str, now: float, who: Principal
) -> RuleView:
    """One rule of the settings, as somebody may see it."""
    rule = settings.rules_in(project)[name]
    of_rule = RuleFiring.project == project, RuleFiring.rule == name
    by_state = select(RuleFiring.state, func.count()).where(*of_rule).group_by(RuleFiring.state)
    counts = {state: number for state, number in session.execute(by_state)}  # noqa: C416 - dict() has no type for rows
    fired = select(RuleFiring).where(*of_rule, RuleFiring.state == Firing.FIRED.value)
    last = session.scalar(fired.order_by(RuleFiring.at.desc(), RuleFiring.id.desc()).limit(1))
    times = rule.when.times() if isinstance(rule.when, Schedule) else None
    return RuleView(
        project=project,
        rule=name,
        says=rule.model_dump(mode="json"),
        last=None if last is None else show_firing(last, who),
        fired_today=fired_since(session, project, name, now)[0],
        waiting=sum(counts.get(state.value, 0) for state in (*TO_DO, Firing.ASLEEP)),
        counted=counts.get(Firing.COUNTED.value, 0),
        next_at=None if times is None else times.next_after(now),
        why_not=_why_not(session, settings, (project, name), rule),
    )


def show_firing(row: RuleFiring, who: Principal) -> FiringView:
    """One firing; when a study came only who operates may know."""
    shown = who.sees_arrivals or kind_of_occasion(row.occasion) not in _ARRIVALS
    return FiringView(
        id=row.id,
        occasion=row.occasion,
        state=Firing(row.state),
        reason=row.reason,
        batch=row.batch_id,
        handoff=row.handoff_id,
        at=row.at if shown else None,
    )


def _why_not(session: Session, settings: Settings, named: tuple[str, str], rule: Rule) -> str | None:
    """What it lacks; else what its oldest occasion waits for; else what it waits for to happen."""
    found = lacking(session, settings, *named)
    if found is not None:
        return found.code
    of_rule = RuleFiring.project == named[0], RuleFiring.rule == named[1]
    undecided = [state.value for state in (*TO_DO, Firing.ASLEEP)]
    waiting = select(RuleFiring.reason).where(*of_rule, RuleFiring.state.in_(undecided)).order_by(RuleFiring.id)
    reasons = session.scalars(waiting.limit(1)).all()
    if reasons:
        return reasons[0]
    match rule.when:
        case EachStudy():
            return "no-new-study"
        case NewStudies():
            return "too-few-studies"
        case Schedule():
            return "not-yet"
        case _:
            return "no-signal"
