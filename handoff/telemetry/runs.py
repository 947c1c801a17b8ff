"""The spans of a handoff that ended, made from its events: in the trace of the last shipment that its batch has.

A batch has many shipments and a trace one beginning. The run belongs to the trace of the shipment that came last, for
before it the batch could not be formed; the others are links.
"""

from collections.abc import Sequence
from itertools import pairwise

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.tables import BatchInstance, Event, Handoff, Instance, Shipment
from handoff.handoffs.states import ENDED, State
from handoff.telemetry.trace_ids import handoff_context, shipment_context

MOST_LINKS = 128
"""OpenTelemetry's own limit of links to a span."""

_NANOSECONDS = 10**9
_STATES = {state.value for state in State}


def spans_of_run(session: Session, handoff: Handoff, resource: Resource) -> list[ReadableSpan]:
    """The handoff's span and one for each state that it was in; none while it has not ended."""
    if handoff.ended_at is None or State(handoff.state) not in ENDED:
        return []
    shipments = _shipments(session, handoff.batch_id)
    if not shipments:
        return []
    parent = shipment_context(shipments[0])
    own = handoff_context(parent, handoff.id)
    failed = handoff.state != State.SUCCEEDED
    whole = ReadableSpan(
        name=f"handoff {handoff.kind}",
        context=own,
        parent=parent,
        resource=resource,
        attributes=_attributes(handoff),
        links=[Link(shipment_context(each)) for each in shipments[1:]],
        kind=SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, handoff.reason) if failed else Status(StatusCode.OK),
        start_time=_time(handoff.created_at),
        end_time=_time(handoff.ended_at),
    )
    return [whole, *_parts(session, handoff, own, resource)]


def _parts(session: Session, handoff: Handoff, parent: SpanContext, resource: Resource) -> list[ReadableSpan]:
    chosen = select(Event).where(Event.handoff_id == handoff.id).order_by(Event.id)
    states = [event for event in session.scalars(chosen) if event.event in _STATES]
    return [
        ReadableSpan(
            name=before.event.lower(),
            context=handoff_context(parent, handoff.id, step),
            parent=parent,
            resource=resource,
            kind=SpanKind.CLIENT if before.event in {State.SUBMITTING, State.RUNNING} else SpanKind.INTERNAL,
            start_time=_time(before.at),
            end_time=_time(after.at),
        )
        for step, (before, after) in enumerate(pairwise(states), 1)
    ]


def _shipments(session: Session, batch: str) -> Sequence[str]:
    """Ids of the shipments that a batch's instances came in, the last to arrive first."""
    chosen = (
        select(Shipment.id)
        .join(Instance, Instance.shipment_id == Shipment.id)
        .join(BatchInstance, BatchInstance.instance_id == Instance.id)
        .where(BatchInstance.batch_id == batch)
        .group_by(Shipment.id, Shipment.received_at)
        .order_by(Shipment.received_at.desc(), Shipment.id)
        .limit(MOST_LINKS + 1)
    )
    return session.scalars(chosen).all()


def _attributes(handoff: Handoff) -> dict[str, str | int]:
    told = {
        "sluice.handoff": handoff.id,
        "sluice.key": handoff.key,
        "sluice.kind": handoff.kind,
        "sluice.project": handoff.project,
        "sluice.batch": handoff.batch_id,
        "sluice.pipeline": handoff.pipeline_id,
        "sluice.target": handoff.target,
        "sluice.run": handoff.reference,
        "sluice.model": handoff.model_id,
        "sluice.state": handoff.state,
    }
    return {"sluice.attempts": handoff.attempts, **{name: value for name, value in told.items() if value}}


def _time(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)
