"""Models that training runs made, and what was measured of them since."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import select

from handoff.api.cursor import newest_cursor, older_than
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName
from handoff.database.tables import Handoff, ModelVersion
from handoff.errors import NotFoundError
from handoff.models.aliases import aliases_of, find_model
from handoff.models.evaluations import evaluated
from handoff.schemas.handoffs import ModelReference
from handoff.schemas.page import Page
from handoff.schemas.results import EvaluationView, ModelView
from handoff.store import Store

router = APIRouter(tags=["models"])


@router.get("/v1/models", dependencies=allowed("read"), responses=problems())
def list_models(
    service: ServiceDep,
    who: WhoDep,
    *,
    project: Annotated[ProjectName | None, Query()] = None,
    name: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ModelView]:
    """List model versions by id."""
    chosen = select(ModelVersion, Handoff).join(Handoff, Handoff.id == ModelVersion.handoff_id)
    chosen = chosen.where(ModelVersion.id > (after or ""), who.within(ModelVersion.project))
    if project is not None:
        chosen = chosen.where(ModelVersion.project == project)
    if name is not None:
        chosen = chosen.where(ModelVersion.name == name)
    with service.database.read() as session:
        rows = session.execute(chosen.order_by(ModelVersion.id).limit(limit + 1)).all()
        aliases = aliases_of(session, [model.id for model, _ in rows])
    items = tuple(_view(service.store, model, training, aliases.get(model.id, ())) for model, training in rows[:limit])
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


@router.get("/v1/models/{model}", dependencies=allowed("read"), responses=problems(404))
def get_model(model: Annotated[ModelReference, Path()], service: ServiceDep, who: WhoDep) -> ModelView:
    """Show one model version, by its id or by an alias that stands for it."""
    with service.database.read() as session:
        row = find_model(session, model)
        if row is None:
            raise NotFoundError
        who.require_project(row.project)
        aliases = aliases_of(session, [row.id])
        return _view(service.store, row, session.get_one(Handoff, row.handoff_id), aliases.get(row.id, ()))


@router.get("/v1/models/{model}/evaluations", dependencies=allowed("read"), responses=problems(404))
def list_evaluations(
    model: Annotated[ModelReference, Path()], service: ServiceDep, who: WhoDep, after: After = None, limit: Limit = 50
) -> Page[EvaluationView]:
    """List what handoffs of the kind evaluate measured of a model version, the newest first."""
    order = Handoff.created_at, Handoff.id
    with service.database.read() as session:
        row = find_model(session, model)
        if row is None:
            raise NotFoundError
        who.require_project(row.project)
        chosen = select(Handoff).where(*evaluated(), Handoff.model_id == row.id, who.within(Handoff.project))
        chosen = chosen.where(*older_than(after, *order)).order_by(*(column.desc() for column in order))
        rows = session.scalars(chosen.limit(limit + 1)).all()
    items = tuple(_evaluation(found) for found in rows[:limit])
    further = newest_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=items, next=further)


def _evaluation(row: Handoff) -> EvaluationView:
    return EvaluationView.model_validate(
        {
            "model": row.model_id,
            "handoff": row.id,
            "project": row.project,
            "batch": row.batch_id,
            "pipeline_version": row.pipeline_id,
            "spec_digest": row.spec_digest,
            "metrics": row.metrics,
            "ended_at": row.ended_at,
        }
    )


def _view(store: Store, model: ModelVersion, training: Handoff, aliases: tuple[str, ...]) -> ModelView:
    return ModelView(
        id=model.id,
        name=model.name,
        version=model.version,
        project=model.project,
        handoff=training.id,
        batch=training.batch_id,
        spec_digest=model.spec_digest,
        uri=f"{store.result(training.key).uri}/{model.path}",
        file=model.path,
        metrics=model.metrics,
        aliases=aliases,
        retrained_from=training.model_id,
    )
