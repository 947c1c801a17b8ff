"""List projects, and how much of each there is."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy import ColumnElement, func, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from handoff.access.principal import Principal
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName
from handoff.database.tables import Batch, Handoff, LabelDocument, ModelVersion, Study
from handoff.errors import NotFoundError
from handoff.schemas.page import Page
from handoff.schemas.projects import ProjectView
from handoff.service import Service

router = APIRouter(tags=["projects"])
_NAMED_BY = (Study.project, LabelDocument.project, Batch.project)
"""Whatever names a project first; all else comes of one of these."""


@router.get("/v1/projects", dependencies=allowed("read"), responses=problems())
def list_projects(service: ServiceDep, who: WhoDep, after: After = None, limit: Limit = 50) -> Page[ProjectView]:
    """List projects by name: those of handoff.yaml, and all that something arrived for."""
    with service.database.read() as session:
        names = _names(session, service, who, after or "", limit + 1)
        items = _views(session, service, names[:limit])
    return Page(items=items, next=items[-1].name if len(names) > limit else None)


@router.get("/v1/projects/{name}", dependencies=allowed("read"), responses=problems(404))
def get_project(name: Annotated[ProjectName, Path()], service: ServiceDep, who: WhoDep) -> ProjectView:
    """Show one project."""
    who.require_project(name)
    with service.database.read() as session:
        known = [select(column).where(column == name) for column in _NAMED_BY]
        if name not in service.settings.projects and session.scalar(union(*known).limit(1)) is None:
            raise NotFoundError
        return _views(session, service, [name])[0]


def _names(session: Session, service: Service, who: Principal, after: str, most: int) -> list[str]:
    """The first names after one; each table is asked for no more than that many."""
    found = {name for name in service.settings.projects if name > after and who.sees(name)}
    for column in _NAMED_BY:
        chosen = select(column).where(column > after, who.within(column)).distinct().order_by(column).limit(most)
        found.update(session.scalars(chosen))
    return sorted(found)[:most]


def _views(session: Session, service: Service, names: Sequence[str]) -> tuple[ProjectView, ...]:
    studies = _by_state(session, Study.project, Study.state, names)
    handoffs = _by_state(session, Handoff.project, Handoff.state, names)
    batches = _counted(session, Batch.project, Batch.project.in_(names))
    models = _counted(session, ModelVersion.project, ModelVersion.project.in_(names))
    return tuple(
        ProjectView.model_validate(
            {
                "name": name,
                "configured": name in service.settings.projects,
                "studies": studies.get(name, {}),
                "batches": batches.get(name, 0),
                "handoffs": handoffs.get(name, {}),
                "models": models.get(name, 0),
            }
        )
        for name in names
    )


def _by_state(
    session: Session, project: InstrumentedAttribute[str], state: InstrumentedAttribute[str], names: Sequence[str]
) -> dict[str, dict[str, int]]:
    chosen = select(project, state, func.count()).where(project.in_(names)).group_by(project, state)
    counted: dict[str, dict[str, int]] = {}
    for name, value, count in session.execute(chosen):
        counted.setdefault(name, {})[value] = count
    return counted


def _counted(session: Session, project: InstrumentedAttribute[str], where: ColumnElement[Any]) -> dict[str, int]:
    chosen = select(project, func.count()).where(where).group_by(project)
    return {name: count for name, count in session.execute(chosen)}  # noqa: C416
