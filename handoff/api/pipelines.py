"""Register a compiled pipeline, list versions."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from handoff.api.dependencies import After, Limit, ServiceDep, User
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName
from handoff.database.tables import PipelineVersion
from handoff.pipelines.register import register
from handoff.schemas.page import Page
from handoff.schemas.pipelines import PipelineRequest, PipelineView

router = APIRouter(tags=["pipelines"])


@router.post(
    "/v1/pipelines",
    status_code=201,
    dependencies=User,
    responses={200: {"model": PipelineView, "description": "This version exists"}, **problems()},
)
def register_pipeline(request: PipelineRequest, response: Response, service: ServiceDep) -> PipelineView:
    """Register a compiled KFP pipeline that keeps the contract; its version is the digest of YAML and code."""
    registered = register(service.database, service.store, request)
    response.status_code = 201 if registered.created else 200
    return _view(registered.version)


@router.get("/v1/pipelines", dependencies=User, responses=problems())
def list_pipelines(
    service: ServiceDep,
    name: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[PipelineView]:
    """List pipeline versions by digest."""
    chosen = select(PipelineVersion).where(PipelineVersion.id > (after or ""))
    if name is not None:
        chosen = chosen.where(PipelineVersion.name == name)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(PipelineVersion.id).limit(limit + 1)).all()
    items = tuple(_view(row) for row in rows[:limit])
    return Page(items=items, next=items[-1].version if len(rows) > limit else None)


def _view(row: PipelineVersion) -> PipelineView:
    return PipelineView.model_validate(
        {
            "name": row.name,
            "version": row.id,
            "yaml_digest": row.yaml_digest,
            "code_digest": row.code_digest,
            "inputs": row.inputs,
        }
    )
