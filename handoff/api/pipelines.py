"""Register a compiled pipeline, list versions, show one."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import select

from handoff.api.cursor import newest_cursor, older_than
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.api.results import stored_file
from handoff.contract.identifiers import Digest, ProjectName
from handoff.database.tables import PipelineVersion
from handoff.errors import NotFoundError
from handoff.pipelines.register import find_pipeline, register
from handoff.schemas.page import Page
from handoff.schemas.pipelines import PipelineRequest, PipelineView
from handoff.store.store import pipeline_path

router = APIRouter(tags=["pipelines"])


@router.post(
    "/v1/pipelines",
    status_code=201,
    dependencies=allowed("register"),
    responses={200: {"model": PipelineView, "description": "This version exists"}, **problems()},
)
def register_pipeline(request: PipelineRequest, response: Response, service: ServiceDep, who: WhoDep) -> PipelineView:
    """Register a compiled KFP pipeline that keeps the contract; its version is the digest of YAML and code.

    What an admin registered may run on every target, what others did on those alone that run it elsewhere.
    """
    local_too = who.may("register-local")
    registered = register(service.database, service.store, request, by=who.name, local_too=local_too)
    response.status_code = 201 if registered.created else 200
    return _view(registered.version)


@router.get("/v1/pipelines", dependencies=allowed("read"), responses=problems())
def list_pipelines(
    service: ServiceDep,
    name: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[PipelineView]:
    """List pipeline versions, the one that was registered last first."""
    order = PipelineVersion.registered_at, PipelineVersion.id
    chosen = select(PipelineVersion).where(*older_than(after, *order))
    if name is not None:
        chosen = chosen.where(PipelineVersion.name == name)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(*(column.desc() for column in order)).limit(limit + 1)).all()
        items = tuple(_view(row) for row in rows[:limit])
        further = newest_cursor(rows[limit - 1].registered_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=items, next=further)


@router.get("/v1/pipelines/{pipeline}", dependencies=allowed("read"), responses=problems(404))
def get_pipeline(pipeline: Annotated[ProjectName | Digest, Path()], service: ServiceDep) -> PipelineView:
    """Show one version by its digest, or the newest of a name."""
    with service.database.read() as session:
        row = find_pipeline(session, pipeline)
        if row is None:
            raise NotFoundError
        return _view(row)


@router.get(
    "/v1/pipelines/{version}/yaml",
    dependencies=allowed("read"),
    response_class=Response,
    responses={200: {"content": {"application/yaml": {}}, "description": "The YAML"}, **problems(404)},
)
def get_yaml(version: Annotated[Digest, Path()], service: ServiceDep) -> Response:
    """Give the YAML of a version as it was registered."""
    with service.database.read() as session:
        row = session.get(PipelineVersion, version)
    if row is None:
        raise NotFoundError
    return stored_file(service.store.files, pipeline_path(version), "application/yaml", row.yaml_digest)


def _view(row: PipelineVersion) -> PipelineView:
    return PipelineView.model_validate(
        {
            "name": row.name,
            "version": row.id,
            "yaml_digest": row.yaml_digest,
            "code_digest": row.code_digest,
            "inputs": row.inputs,
            "local_too": row.local_too,
            "registered_by": row.registered_by,
        }
    )
