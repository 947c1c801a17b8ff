"""Handoffs as the API shows them: one with all that happened, or many in a few queries."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.contract.result import ResultFile
from handoff.database.tables import Event, Handoff, ModelVersion, PipelineVersion, ResultFileRow
from handoff.handoffs.accept import Made
from handoff.handoffs.order import lines_path
from handoff.handoffs.position import Place, places
from handoff.handoffs.retry import is_dead_letter
from handoff.handoffs.states import Noted
from handoff.schemas.handoffs import EventView, HandoffView
from handoff.settings import Settings
from handoff.store import Store


def show_handoff(session: Session, store: Store, settings: Settings, row: Handoff) -> HandoffView:
    """The decision, where it is, what happened to it and what became of it."""
    (brief,) = list_handoffs(session, store, settings, [row])
    return brief.model_copy(update={"files": result_files(session, row.id), "events": _events(session, row.id)})


def show_made(store: Store, made: Made) -> HandoffView:
    """A handoff that was accepted this moment, by what is at hand: nothing became of it, and its place is not counted.

    To count places takes a look at all that waits, so whoever decides much would slow down as the queue grows.
    """
    decision = made.decision
    brief = _view(store, decision.handoff, decision.pipeline, decision.pipeline_digest, decision.prepare_key)
    return brief.model_copy(update={"events": (show_event(made.event),)})


def list_handoffs(
    session: Session, store: Store, settings: Settings, rows: Sequence[Handoff]
) -> tuple[HandoffView, ...]:
    """The decisions without their files and events, in the order of the rows."""
    queue = places(session, settings, rows, time.time())
    pipelines = _by_id(session, PipelineVersion, [row.pipeline_id for row in rows])
    prepares = _by_id(session, Handoff, [row.prepared_by for row in rows if row.prepared_by])
    made = select(ModelVersion.handoff_id, ModelVersion.id).where(ModelVersion.handoff_id.in_([row.id for row in rows]))
    models = {found.handoff_id: found.id for found in session.execute(made)}
    return tuple(
        _view(
            store,
            row,
            pipelines[row.pipeline_id].name,
            pipelines[row.pipeline_id].yaml_digest,
            prepares[row.prepared_by].key if row.prepared_by else None,
            place=queue.get(row.id),
            made_model=models.get(row.id),
        )
        for row in rows
    )


def _view(
    store: Store,
    row: Handoff,
    pipeline: str,
    pipeline_digest: str,
    prepare_key: str | None,
    *,
    place: Place | None = None,
    made_model: str | None = None,
) -> HandoffView:
    facts: dict[str, Any] = {
        "batch": row.batch_id,
        "pipeline": pipeline,
        "pipeline_version": row.pipeline_id,
        "pipeline_digest": pipeline_digest,
        "model": row.model_id,
        "batch_uri": store.uri(lines_path(row.batch_id, prepare_key)),
        "result_uri": store.result(row.key).uri,
        "made_model": made_model,
        "queue_position": place.number if place else None,
        "waits_for": place.waits_for if place else None,
        "dead_letter": is_dead_letter(row),
    }
    return HandoffView.model_validate({**{name: getattr(row, name) for name in _AS_THEY_ARE}, **facts})


def show_event(event: Event | Noted) -> EventView:
    """An event as the API shows it."""
    return EventView(id=event.id, event=event.event, reason=event.reason, at=event.at)


def result_files(session: Session, handoff_id: str) -> tuple[ResultFile, ...]:
    """The files of a result, by path."""
    rows = session.scalars(
        select(ResultFileRow).where(ResultFileRow.handoff_id == handoff_id).order_by(ResultFileRow.path)
    )
    return tuple(
        ResultFile.model_validate(
            {
                "path": row.path,
                "sha256": row.sha256,
                "size": row.size,
                "role": row.role,
                "media_type": row.media_type,
            }
        )
        for row in rows
    )


_AS_THEY_ARE = (
    *("id", "key", "kind", "project", "prepared_by", "target", "pool", "gpus", "rerun_of", "rerun_reason", "asked_by"),
    *("parameters", "state", "reason", "attempts", "reference", "cancel_asked", "prepared_digest", "spec_digest"),
    *("metrics", "created_at", "ended_at"),
)
"""What the view and the row call alike."""


def _events(session: Session, handoff_id: str) -> tuple[EventView, ...]:
    rows = session.scalars(select(Event).where(Event.handoff_id == handoff_id).order_by(Event.id))
    return tuple(map(show_event, rows))


def _by_id(session: Session, table: Any, ids: Sequence[str]) -> dict[str, Any]:
    return {row.id: row for row in session.scalars(select(table).where(table.id.in_(set(ids))))} if ids else {}
