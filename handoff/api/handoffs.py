"""POST a handoff, follow it, read its logs, cancel it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse, PlainTextResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.api.cursor import newest_cursor, older_than
from handoff.api.dependencies import After, Limit, ServiceDep, User
from handoff.api.prefix import Starts, starting
from handoff.api.problems import problems
from handoff.backends.make import make_backend
from handoff.contract.identifiers import Digest, ProjectName, RandomId
from handoff.database.tables import Handoff
from handoff.errors import NotFoundError
from handoff.handoffs.accept import HandoffAcceptance
from handoff.handoffs.cancel import cancel
from handoff.handoffs.show import show_handoff
from handoff.handoffs.states import State
from handoff.schemas.handoffs import HandoffRequest, HandoffView
from handoff.schemas.page import Page
from handoff.service import Service

router = APIRouter(tags=["handoffs"])
HandoffId = Annotated[RandomId, Path()]


@router.post(
    "/v1/handoffs",
    status_code=202,
    dependencies=User,
    responses={200: {"model": HandoffView, "description": "This decision was already taken"}, **problems()},
)
def accept_handoff(request: HandoffRequest, response: Response, service: ServiceDep) -> HandoffView:
    """Accept a decision. The same decision is the same handoff, however often it is sent, and becomes one run."""
    accepted = HandoffAcceptance(service.database, service.settings).accept(request)
    response.status_code = 202 if accepted.created else 200
    return _show(service, accepted.id)


@router.get("/v1/handoffs", dependencies=User, responses=problems())
def list_handoffs(
    service: ServiceDep,
    *,
    project: Annotated[ProjectName | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
    batch: Annotated[Digest | None, Query()] = None,
    starts: Starts = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[HandoffView]:
    """List handoffs, the newest first."""
    order = Handoff.created_at, Handoff.id
    chosen = select(Handoff).where(*older_than(after, *order), *starting(starts, Handoff.id))
    for column, value in ((Handoff.project, project), (Handoff.state, state), (Handoff.batch_id, batch)):
        if value is not None:
            chosen = chosen.where(column == value)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(*(column.desc() for column in order)).limit(limit + 1)).all()
        items = tuple(show_handoff(session, service.store, row) for row in rows[:limit])
        further = newest_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=items, next=further)


@router.get("/v1/handoffs/{handoff_id}", dependencies=User, responses=problems(404))
def get_handoff(handoff_id: HandoffId, service: ServiceDep) -> HandoffView:
    """Show one handoff with its events."""
    return _show(service, handoff_id)


@router.get(
    "/v1/handoffs/{handoff_id}/logs",
    dependencies=User,
    response_class=PlainTextResponse,
    responses=problems(404),
)
def get_logs(handoff_id: HandoffId, service: ServiceDep) -> Response:
    """Give what the run printed so far."""
    with service.database.read() as session:
        row = _get(session, handoff_id)
    target = service.settings.targets.get(row.target)
    if target is None:
        raise NotFoundError("The target is no longer in handoff.yaml.")
    file = make_backend(service.home, row.target, target).logs(row.reference or row.key)
    return PlainTextResponse("") if file is None else FileResponse(file, media_type="text/plain; charset=utf-8")


@router.post("/v1/handoffs/{handoff_id}:cancel", status_code=202, dependencies=User, responses=problems(404, 409))
def cancel_handoff(handoff_id: HandoffId, service: ServiceDep) -> HandoffView:
    """End a handoff: at once if nothing runs yet, else as soon as its worker looks."""
    cancel(service.database, handoff_id)
    return _show(service, handoff_id)


def _show(service: Service, handoff_id: str) -> HandoffView:
    with service.database.read() as session:
        return show_handoff(session, service.store, _get(session, handoff_id))


def _get(session: Session, handoff_id: str) -> Handoff:
    row = session.get(Handoff, handoff_id)
    if row is None:
        raise NotFoundError
    return row
