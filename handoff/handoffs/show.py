"""A handoff as the API shows it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.contract.result import ResultFile
from handoff.database.tables import Event, Handoff, ModelVersion, PipelineVersion, ResultFileRow
from handoff.handoffs.order import batch_lines
from handoff.schemas.handoffs import EventView, HandoffView
from handoff.store import Store


def show_handoff(session: Session, store: Store, row: Handoff) -> HandoffView:
    """The decision, where it is, and what became of it."""
    pipeline = session.get_one(PipelineVersion, row.pipeline_id)
    events = session.scalars(select(Event).where(Event.handoff_id == row.id).order_by(Event.id))
    return HandoffView.model_validate(
        {
            "id": row.id,
            "key": row.key,
            "kind": row.kind,
            "project": row.project,
            "batch": row.batch_id,
            "prepared_by": row.prepared_by,
            "target": row.target,
            "pipeline": pipeline.name,
            "pipeline_version": pipeline.id,
            "pipeline_digest": pipeline.yaml_digest,
            "prepared_digest": row.prepared_digest,
            "parameters": row.parameters,
            "model": row.model_id,
            "state": row.state,
            "reason": row.reason,
            "attempts": row.attempts,
            "reference": row.reference,
            "cancel_asked": row.cancel_asked,
            "batch_uri": store.uri(batch_lines(session, row)),
            "result_uri": store.result(row.key).uri,
            "spec_digest": row.spec_digest,
            "metrics": row.metrics,
            "made_model": session.scalar(select(ModelVersion.id).where(ModelVersion.handoff_id == row.id)),
            "files": result_files(session, row.id),
            "events": tuple(EventView(event=item.event, reason=item.reason, at=item.at) for item in events),
        }
    )


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
