"""What somebody outside noticed becomes an occasion of every rule that it concerns, once."""

from sqlalchemy.orm import Session

from handoff.database.dialect import insert_if_absent
from handoff.database.tables import Alias, Signal
from handoff.errors import ConflictError
from handoff.rules.occasions import record
from handoff.rules.rule import DriftVerdict, MetricBound, Rule
from handoff.schemas.rules import SignalRequest
from handoff.settings import Settings

_CONTENT = ("project", "kind", "name", "model_id", "verdict", "value")


def take_signal(session: Session, settings: Settings, said: SignalRequest, by: str, now: float) -> bool:
    """Write a signal and its occasions down, in the caller's transaction; whether this is the first time.

    Raises:
        ConflictError: the id stands for another signal.
    """
    facts = {
        "project": said.project,
        "kind": said.kind,
        "name": said.name,
        "model_id": said.model,
        "verdict": said.verdict,
        "value": said.value,
    }
    known = session.get(Signal, said.id)
    if known is None:
        insert_if_absent(session, Signal, {"id": said.id, **facts, "sent_by": by, "received_at": now})
        kept = session.get_one(Signal, said.id)
    else:
        kept = known
    if {name: getattr(kept, name) for name in _CONTENT} != facts:
        raise ConflictError("This signal id already stands for another signal.", code="signal-differs")
    if known is not None:
        return False
    for name in concerned(session, settings, said):
        record(session, said.project, name, occasion=f"signal:{said.id}", now=now)
    return True


def concerned(session: Session, settings: Settings, said: SignalRequest) -> list[str]:
    """The rules of its project that a signal lets fire."""
    rules = settings.rules_in(said.project)
    return [name for name, rule in rules.items() if _concerns(session, rule, said)]


def model_named(session: Session, reference: str) -> str | None:
    """The model version that name:version or name@alias stands for now; None when there is no such alias."""
    name, at, alias = reference.partition("@")
    if not at:
        return reference
    row = session.get(Alias, (name, alias))
    return None if row is None else row.model_id


def _concerns(session: Session, rule: Rule, said: SignalRequest) -> bool:
    when = rule.when
    if not isinstance(when, DriftVerdict | MetricBound) or when.trigger != said.kind:
        return False
    if when.name not in {None, said.name}:
        return False
    if when.model is not None and said.model != model_named(session, when.model):
        return False
    if isinstance(when, DriftVerdict):
        return said.verdict in when.verdicts
    return said.value is not None and when.beyond(said.value)
