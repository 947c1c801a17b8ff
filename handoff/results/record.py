"""Record a result that was believed, in the transaction that makes its handoff SUCCEEDED."""

import time

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from handoff.contract.result import Result, ResultFile
from handoff.contract.returned import RETURNED_ROLES, object_id
from handoff.database.tables import Handoff, ModelVersion, ResultFileRow, Volume
from handoff.lineage.log import record
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.kinds import model_uri


def record_result(session: Session, handoff: Handoff, result: Result) -> None:
    """Write files, volumes and the model; the handoff gives the model its version."""
    handoff.spec_digest = result.spec_digest
    handoff.metrics = dict(result.metrics)
    if result.files:
        session.execute(insert(ResultFileRow), [_file(handoff, file) for file in result.files])
    if result.volumes:
        session.execute(insert(Volume), [_volume(handoff, volume.plain()) for volume in result.volumes])
    if result.model is not None:
        name = result.model.name
        newest = session.scalar(select(func.max(ModelVersion.version)).where(ModelVersion.name == name)) or 0
        session.add(
            ModelVersion(
                id=f"{name}:{newest + 1}",
                name=name,
                version=newest + 1,
                project=handoff.project,
                handoff_id=handoff.id,
                spec_digest=result.spec_digest,
                path=result.model.file,
                metrics=dict(result.model.metrics),
                created_at=time.time(),
            )
        )
        model = model_uri(f"{name}:{newest + 1}")
        note_copy(session, "model", model, batch=handoff.batch_id, handoff=handoff.id)
        record(session, "model-registered", ("model", f"{name}:{newest + 1}"), handoff.project)
    if result.kind == "evaluate" and handoff.model_id is not None:
        measured = {"handoff": handoff.id, "batch": handoff.batch_id}
        record(session, "model-evaluated", ("model", handoff.model_id), handoff.project, **measured)


def _file(handoff: Handoff, file: ResultFile) -> dict[str, object]:
    """A row; what goes back to where its images came from has an id to be asked for by."""
    returned = object_id(handoff.id, file.path) if file.role in RETURNED_ROLES else None
    return {"handoff_id": handoff.id, **file.plain(), "object_id": returned}


def _volume(handoff: Handoff, volume: dict[str, str]) -> dict[str, str]:
    return {
        "handoff_id": handoff.id,
        "uri": volume["uri"],
        "digest": volume["digest"],
        "patient": volume["patient"],
        "study_uid": volume["study"],
        "series_uid": volume["series"],
    }
