"""The log of lineage: what came to be, appended in the transaction of each change, and never changed.

Who is told of changes follows this log: a row of it is all that a change writes, whoever listens, and whoever begins to
listen later reads it from its beginning. It holds ids, digests and counts; no time, no address and no person.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.dialect import hold_until_commit
from handoff.database.tables import LineageEvent

EventName = Literal[
    "shipment-arrived",
    "study-complete",
    "batch-formed",
    "batch-withdrawn",
    "rule-fired",
    "handoff-submitted",
    "handoff-ended",
    "model-registered",
    "model-evaluated",
    "promotion-asked",
    "promotion-approved",
    "promotion-refused",
]
ARRIVALS: Final[frozenset[EventName]] = frozenset({"shipment-arrived", "study-complete"})
"""Events that tell when something came, by those with a time that stand around them."""
Kind = Literal["shipment", "study", "batch", "firing", "handoff", "model", "promotion"]


def record(session: Session, event: EventName, subject: tuple[Kind, str], project: str, **facts: Any) -> None:
    """Append an event, in the transaction of the change that it tells of.

    Followers go on from the last id that they saw, so ids must become visible in their order: writers wait for each
    other from here until they commit, by the lock that writers of a handoff's events use too. So nothing may wait for
    a row after this; what the transaction changed goes to the database first.
    """
    session.flush()
    hold_until_commit(session, "events")
    kind, identifier = subject
    session.add(LineageEvent(event=event, subject=f"{kind}:{identifier}", facts={"project": project, **facts}))


def events_after(session: Session, after: int, limit: int) -> Sequence[LineageEvent]:
    """The next events of the log."""
    chosen = select(LineageEvent).where(LineageEvent.id > after)
    return session.scalars(chosen.order_by(LineageEvent.id).limit(limit)).all()


def subject_of(event: LineageEvent) -> str:
    """The id of what an event is about, without its kind."""
    return event.subject.partition(":")[2]
