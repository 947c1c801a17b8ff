"""POST a handoff, show it, cancel it, retry it, run it again; with what follows a run. See `seen` for who sees it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from handoff.access.principal import Principal
from handoff.api import artifacts, events, logs
from handoff.api.accepting import PATH, VERB, accept
from handoff.api.cursor import newest_cursor, older_than
from handoff.api.dependencies import After, Limit, NotedDep, ServiceDep, WhoDep, allowed
from handoff.api.prefix import Starts, starting
from handoff.api.problems import problems
from handoff.api.seen import HandoffId, require_seen, seen
from handoff.contract.identifiers import Digest, ProjectName, RandomId
from handoff.contract.result import RunKind
from handoff.database.tables import Handoff
from handoff.handoffs.accept import HandoffAcceptance
from handoff.handoffs.cancel import cancel
from handoff.handoffs.rerun import rerun
from handoff.handoffs.retry import dead_letters, retry
from handoff.handoffs.show import list_handoffs as views_of
from handoff.handoffs.show import show_handoff
from handoff.handoffs.states import State
from handoff.schemas.handoffs import HandoffRequest, HandoffView, ModelId, RerunRequest
from handoff.schemas.page import Page
from handoff.service import Service
from handoff.targets import TargetName

router = APIRouter(tags=["handoffs"])
for module in (events, logs, artifacts):
    router.include_router(module.router)


@router.post(
    PATH,
    status_code=202,
    response_model=HandoffView,
    dependencies=allowed(VERB),
    responses={200: {"model": HandoffView, "description": "This decision was already taken"}, **problems()},
)
def accept_handoff(request: HandoffRequest, service: ServiceDep, who: WhoDep, noted: NotedDep) -> Response:
    """Accept a decision. The same decision is the same handoff, however often it is sent, and becomes one run."""
    return accept(service, who, request, noted)


@router.get("/v1/handoffs", dependencies=allowed("read"), responses=problems())
def list_handoffs(
    service: ServiceDep,
    who: WhoDep,
    *,
    project: Annotated[ProjectName | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
    kind: Annotated[RunKind | None, Query()] = None,
    batch: Annotated[Digest | None, Query()] = None,
    target: Annotated[TargetName | None, Query(description="Where it runs, or the pool that it was handed to.")] = None,
    model: Annotated[ModelId | None, Query(description="The model that it uses.")] = None,
    rerun_of: Annotated[RandomId | None, Query(description="The handoff that it runs again.")] = None,
    dead_letter: Annotated[bool, Query(description="Only those that :retry sends again.")] = False,
    starts: Starts = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[HandoffView]:
    """List handoffs, the newest first."""
    order = Handoff.created_at, Handoff.id
    chosen = select(Handoff).where(
        *older_than(after, *order), *starting(starts, Handoff.id), who.within(Handoff.project)
    )
    for column, value in (
        (Handoff.project, project),
        (Handoff.state, state),
        (Handoff.kind, kind),
        (Handoff.batch_id, batch),
        (Handoff.model_id, model),
        (Handoff.rerun_of, rerun_of),
    ):
        if value is not None:
            chosen = chosen.where(column == value)
    if target is not None:
        chosen = chosen.where((Handoff.target == target) | (Handoff.pool == target))
    if dead_letter:
        chosen = chosen.where(dead_letters())
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(*(column.desc() for column in order)).limit(limit + 1)).all()
        items = views_of(session, service.store, service.settings, rows[:limit])
    further = newest_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=items, next=further)


@router.get("/v1/handoffs/{handoff_id}", dependencies=allowed("read"), responses=problems(404))
def get_handoff(handoff_id: HandoffId, service: ServiceDep, who: WhoDep) -> HandoffView:
    """Show one handoff with its events."""
    return _show(service, who, handoff_id)


@router.post(
    "/v1/handoffs/{handoff_id}:cancel", status_code=202, dependencies=allowed("steer"), responses=problems(404, 409)
)
def cancel_handoff(handoff_id: HandoffId, service: ServiceDep, who: WhoDep) -> HandoffView:
    """End a handoff: at once if nothing runs yet, else as soon as its worker looks."""
    require_seen(service, who, handoff_id)
    cancel(service.database, handoff_id)
    return _show(service, who, handoff_id)


@router.post(
    "/v1/handoffs/{handoff_id}:retry", status_code=202, dependencies=allowed("steer"), responses=problems(404, 409)
)
def retry_handoff(handoff_id: HandoffId, service: ServiceDep, who: WhoDep) -> HandoffView:
    """Send a dead letter again: the same handoff and key, for no engine ever had its run."""
    require_seen(service, who, handoff_id)
    retry(service.database, handoff_id)
    return _show(service, who, handoff_id)


@router.post(
    "/v1/handoffs/{handoff_id}:rerun",
    status_code=202,
    dependencies=allowed("decide"),
    responses={200: {"model": HandoffView, "description": "This rerun was already asked for"}, **problems(404, 409)},
)
def rerun_handoff(
    handoff_id: HandoffId, request: RerunRequest, response: Response, service: ServiceDep, who: WhoDep
) -> HandoffView:
    """Let a handoff that ended run once more, as a new handoff with a new key that says of which and why."""
    require_seen(service, who, handoff_id)
    acceptance = HandoffAcceptance(service.database, service.settings)
    accepted = rerun(acceptance, handoff_id, request.reason, who.name)
    response.status_code = 202 if accepted.created else 200
    return _show(service, who, accepted.id)


def _show(service: Service, who: Principal, handoff_id: str) -> HandoffView:
    with service.database.read() as session:
        return show_handoff(session, service.store, service.settings, seen(session, who, handoff_id))
