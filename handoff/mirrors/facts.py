"""What there is to tell of a handoff and of a model version: ids, digests and figures; no path and no address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.tables import Alias, Batch, Handoff, ModelVersion, PipelineVersion, Promotion, ResultFileRow
from handoff.models.evaluations import newest_figures
from handoff.models.promote import REFUSED


@dataclass(frozen=True, slots=True)
class HandoffFacts:
    """A handoff as it is now."""

    id: str
    key: str
    kind: str
    project: str
    state: str
    reason: str | None
    target: str
    batch: str
    prepared_by: str | None
    instances: int
    annotations: int
    pipeline: str
    pipeline_version: str
    yaml_digest: str
    code_digest: str
    spec_digest: str | None
    model: str | None
    parameters: dict[str, Any]
    metrics: dict[str, float]
    created_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model version, the handoff that made it, and what was measured of it last since."""

    id: str
    name: str
    version: int
    spec_digest: str
    sha256: str
    handoff: HandoffFacts
    evaluated: Mapping[str, float] = field(default_factory=dict)


def handoff_facts(session: Session, handoff_id: str) -> HandoffFacts:
    """Read a handoff with its batch and pipeline."""
    row = session.get_one(Handoff, handoff_id)
    batch = session.get_one(Batch, row.batch_id)
    pipeline = session.get_one(PipelineVersion, row.pipeline_id)
    return HandoffFacts(
        id=row.id,
        key=row.key,
        kind=row.kind,
        project=row.project,
        state=row.state,
        reason=row.reason,
        target=row.target,
        batch=batch.id,
        prepared_by=row.prepared_by,
        instances=batch.instances,
        annotations=batch.annotations,
        pipeline=pipeline.name,
        pipeline_version=pipeline.id,
        yaml_digest=pipeline.yaml_digest,
        code_digest=pipeline.code_digest,
        spec_digest=row.spec_digest,
        model=row.model_id,
        parameters=row.parameters,
        metrics=row.metrics,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def model_facts(session: Session, model_id: str) -> ModelFacts:
    """Read a model version with the handoff that made it."""
    row = session.get_one(ModelVersion, model_id)
    file = select(ResultFileRow.sha256).where(
        ResultFileRow.handoff_id == row.handoff_id, ResultFileRow.path == row.path
    )
    return ModelFacts(
        id=row.id,
        name=row.name,
        version=row.version,
        spec_digest=row.spec_digest,
        sha256=session.scalars(file).one(),
        handoff=handoff_facts(session, row.handoff_id),
        evaluated=newest_figures(session, [row.id]).get(row.id, {}),
    )


@dataclass(frozen=True, slots=True)
class AliasFacts:
    """An alias as it is now, and what a promotion was about.

    Attributes:
        name: Of the model.
        alias: Of the model version that it stands for.
        model: That version; None while it stands for none.
        wanted: The version that was asked for.
        refused: Whether the wish was refused.
    """

    name: str
    alias: str
    model: ModelFacts | None
    wanted: str
    refused: bool


def alias_facts(session: Session, promotion_id: str) -> AliasFacts:
    """Read the alias that a promotion is about, as it is now."""
    row = session.get_one(Promotion, promotion_id)
    alias = session.get(Alias, (row.model, row.alias))
    return AliasFacts(
        name=row.model,
        alias=row.alias,
        model=None if alias is None else model_facts(session, alias.model_id),
        wanted=row.model_id,
        refused=row.state == REFUSED,
    )
