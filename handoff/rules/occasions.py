"""What happened that a rule may act on, written in the transaction of what happened: none is lost or doubled."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from handoff.database.dialect import hold_until_commit, insert_if_absent
from handoff.database.tables import RuleFiring, Study
from handoff.rules.rule import EachStudy, NewStudies
from handoff.rules.states import Firing
from handoff.settings import Settings


def record(session: Session, project: str, rule: str, *, occasion: str, now: float, skip: str | None = None) -> None:
    """Write an occasion down, once, whoever else does so; with `skip` as one that is not acted on, for this reason."""
    state = Firing.WAITING if skip is None else Firing.SKIPPED
    facts = {"state": state.value, "reason": skip, "at": now, "due_at": now}
    insert_if_absent(session, RuleFiring, {"project": project, "rule": rule, "occasion": occasion, **facts})


def study_closed(session: Session, study: Study, settings: Settings, now: float) -> None:
    """A study has a new complete version."""
    for name, rule in settings.rules_in(study.project).items():
        if isinstance(rule.when, EachStudy | NewStudies):
            occasion = f"study:{study.study_uid}:{study.version}"
            record(session, study.project, name, occasion=occasion, now=now)


def labels_came(session: Session, project: str, now: float) -> None:
    """What sleeps for want of a label looks again, and so does what is just falling asleep: its row is waited for."""
    hold_until_commit(session, f"labels {project}")  # two that change the same rows would wait for each other
    asleep = RuleFiring.state.in_((Firing.WAITING.value, Firing.ASLEEP.value))
    chosen = update(RuleFiring).where(RuleFiring.project == project, asleep)
    session.execute(chosen.values(state=Firing.WAITING.value, due_at=now))


def kind_of_occasion(occasion: str) -> str:
    """What kind of thing happened: `study`, `studies`, `at` for a time, or `signal`; never which, or when."""
    return occasion.partition(":")[0]


def study_of_occasion(occasion: str) -> tuple[str, int] | None:
    """The study and its version that an occasion is about; None when it is about another thing."""
    kind, _, rest = occasion.partition(":")
    uid, _, version = rest.rpartition(":")
    return (uid, int(version)) if kind == "study" else None
