"""Models that training runs made."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import select

from handoff.api.dependencies import After, Limit, ServiceDep, User
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName
from handoff.database.tables import Handoff, ModelVersion
from handoff.errors import NotFoundError
from handoff.schemas.handoffs import ModelId
from handoff.schemas.page import Page
from handoff.schemas.results import ModelView
from handoff.store import Store

router = APIRouter(tags=["models"])


@router.get("/v1/models", dependencies=User, responses=problems())
def list_models(
    service: ServiceDep,
    project: Annotated[ProjectName | None, Query()] = None,
    name: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ModelView]:
    """List model versions by id."""
    chosen = select(ModelVersion, Handoff).join(Handoff, Handoff.id == ModelVersion.handoff_id)
    chosen = chosen.where(ModelVersion.id > (after or ""))
    if project is not None:
        chosen = chosen.where(ModelVersion.project == project)
    if name is not None:
        chosen = chosen.where(ModelVersion.name == name)
    with service.database.read() as session:
        rows = session.execute(chosen.order_by(ModelVersion.id).limit(limit + 1)).all()
    items = tuple(_view(service.store, model, training) for model, training in rows[:limit])
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


@router.get("/v1/models/{model_id}", dependencies=User, responses=problems(404))
def get_model(model_id: Annotated[ModelId, Path()], service: ServiceDep) -> ModelView:
    """Show one model version."""
    with service.database.read() as session:
        model = session.get(ModelVersion, model_id)
        if model is None:
            raise NotFoundError
        return _view(service.store, model, session.get_one(Handoff, model.handoff_id))


def _view(store: Store, model: ModelVersion, training: Handoff) -> ModelView:
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
    )
