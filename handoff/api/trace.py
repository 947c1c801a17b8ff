"""Trace any id, both ways; page through one step; export as PROV; read the log of lineage."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from sqlalchemy import select

from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed, cursor_number
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName
from handoff.database.tables import LineageEvent
from handoff.lineage.log import ARRIVALS
from handoff.lineage.nodes import NUMBERED
from handoff.lineage.prov import prov_json
from handoff.lineage.trace import NODES, neighbours, trace
from handoff.schemas.page import Page
from handoff.schemas.trace import LineageEventView, NodeKind, Trace, TraceNode, Way

router = APIRouter(tags=["lineage"])
Identifier = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:@-]{1,128}$")]
Nodes = Annotated[int, Query(ge=2, le=10_000, description="Most things that are shown, the nearest ones.")]


@router.get("/v1/trace/{identifier}", dependencies=allowed("read"), responses=problems(404))
def get_trace(identifier: Identifier, service: ServiceDep, who: WhoDep, limit: Nodes = NODES) -> Trace:
    """Follow a shipment, evidence, study, series, instance, batch, handoff, key, model or alias to its whole line."""
    with service.database.read() as session:
        return trace(session, identifier, limit, who)


@router.get(
    "/v1/trace/{identifier}/prov",
    dependencies=allowed("read"),
    response_model=dict[str, Any],
    responses=problems(404),
)
def get_prov(identifier: Identifier, service: ServiceDep, who: WhoDep, limit: Nodes = NODES) -> JSONResponse:
    """Give the same line as W3C PROV-JSON."""
    with service.database.read() as session:
        return JSONResponse(prov_json(trace(session, identifier, limit, who)))


@router.get("/v1/trace/{identifier}/{way}", dependencies=allowed("read"), responses=problems(404))
def list_neighbours(
    identifier: Identifier,
    way: Way,
    kind: Annotated[NodeKind, Query(description="Of what is listed.")],
    *,
    service: ServiceDep,
    who: WhoDep,
    after: Annotated[str | None, Query(max_length=1024, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> Page[TraceNode]:
    """List what is one step from an id: where a trace is cut, all of it."""
    if kind in NUMBERED:
        cursor_number(after)
    with service.database.read() as session:
        found, further = neighbours(session, identifier, way, kind, after=after, limit=limit, who=who)
    return Page(items=tuple(found), next=further)


@router.get("/v1/lineage", dependencies=allowed("read"), responses=problems())
def list_events(
    service: ServiceDep,
    who: WhoDep,
    *,
    project: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[LineageEventView]:
    """List what came to be, in its order; go on after the last one at any later time to learn what is new.

    That a shipment or a study came is told to those alone who operate: runs before and after it tell when.
    """
    chosen = select(LineageEvent).where(LineageEvent.id > cursor_number(after))
    at = LineageEvent.facts["project"].as_string()
    if project is not None:
        chosen = chosen.where(at == project)
    if who.projects is not None:
        chosen = chosen.where(at.in_(sorted(who.projects)))
    if not who.sees_arrivals:
        chosen = chosen.where(LineageEvent.event.not_in(sorted(ARRIVALS)))
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(LineageEvent.id).limit(limit + 1)).all()
    items = tuple(_view(row) for row in rows[:limit])
    return Page(items=items, next=str(items[-1].id) if len(rows) > limit else None)


def _view(row: LineageEvent) -> LineageEventView:
    facts = {name: value for name, value in row.facts.items() if name != "project"}
    return LineageEventView(id=row.id, event=row.event, subject=row.subject, project=row.facts["project"], facts=facts)
