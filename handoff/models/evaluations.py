"""Evaluations: what handoffs of the kind `evaluate` measured of registered model versions.

The handoff is the record: it names the version, the batch and the figures. A version of a batch that was withdrawn from
keeps its figures, and is not compared by them any more.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from handoff.database.tables import Batch, Handoff, ModelVersion
from handoff.handoffs.state import State
from handoff.models.gate import Gate, Judged


def evaluated() -> tuple[ColumnElement[bool], ...]:
    """What holds for a handoff that measured a model version."""
    return Handoff.kind == "evaluate", Handoff.state == State.SUCCEEDED.value


def newest_figures(session: Session, model_ids: Iterable[str]) -> Mapping[str, Mapping[str, float]]:
    """The figures of each version's newest evaluation; a version that has none is left out."""
    of_those = (*evaluated(), Handoff.model_id.in_(list(model_ids)))
    last = select(Handoff.model_id, func.max(Handoff.ended_at).label("at")).where(*of_those).group_by(Handoff.model_id)
    newest = last.subquery()
    chosen = select(Handoff.model_id, Handoff.metrics).join(
        newest, (Handoff.model_id == newest.c.model_id) & (Handoff.ended_at == newest.c.at)
    )
    return {str(model): figures for model, figures in session.execute(chosen.where(*of_those))}


def judged(session: Session, gate: Gate, wanted: ModelVersion, now: ModelVersion | None) -> Judged | None:
    """What the gate compares: the newest evaluation of a version, and that of the one before by the same measure.

    The same measure is the same batch, the same version of a pipeline and the same parameters; the rest of a handoff
    does not change what a figure means.

    Args:
        session: of the database.
        gate: names the batch, if the project wants one and the same for all.
        wanted: the version that an alias shall stand for.
        now: the version that it stands for; None while it stands for none.
    """
    if gate.evaluation is None:
        return None
    found = _newest(session, wanted, gate.evaluation.batch)
    if found is None:
        return None
    before = None if now is None else _newest(session, now, found.batch_id, like=found)
    return Judged(found.id, found.metrics, before.metrics if before else None, first=now is None)


def _newest(session: Session, model: ModelVersion, batch: str | None, *, like: Handoff | None = None) -> Handoff | None:
    """The newest evaluation of a version in its own project, on data that is still there; `like` names the measure."""
    chosen = select(Handoff).join(Batch, Batch.id == Handoff.batch_id)
    chosen = chosen.where(*evaluated(), Handoff.model_id == model.id, Handoff.project == model.project)
    chosen = chosen.where(Batch.withdrawn_by.is_(None))
    if batch is not None:
        chosen = chosen.where(Handoff.batch_id == batch)
    if like is not None:
        chosen = chosen.where(Handoff.pipeline_id == like.pipeline_id)
    found = session.scalars(chosen.order_by(Handoff.ended_at.desc(), Handoff.id))
    # Not in the query: no database compares two documents by what they say.
    return next((one for one in found if like is None or one.parameters == like.parameters), None)
