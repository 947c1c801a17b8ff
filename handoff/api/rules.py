"""Rules of projects, what each did and why not; and what somebody outside noticed."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import select

from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed, cursor_number
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName
from handoff.database.tables import RuleFiring
from handoff.errors import NotFoundError
from handoff.rules.rule import RuleName
from handoff.rules.show import show_firing, show_rule
from handoff.rules.signals import concerned, take_signal
from handoff.rules.states import Firing
from handoff.schemas.page import Page
from handoff.schemas.rules import FiringView, RuleView, SignalRequest, SignalView

router = APIRouter(tags=["rules"])


@router.get("/v1/rules", dependencies=allowed("read"), responses=problems())
def list_rules(
    service: ServiceDep,
    who: WhoDep,
    project: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[RuleView]:
    """List the rules of handoff.yaml by project and name: when each last fired, and why it does not now."""
    named = sorted(
        (of, name)
        for of, settings in service.settings.projects.items()
        for name in settings.rules
        if who.sees(of) and project in {None, of} and f"{of}~{name}" > (after or "")
    )
    now = time.time()
    with service.database.read() as session:
        items = tuple(show_rule(session, service.settings, of, name, now, who) for of, name in named[:limit])
    return Page(items=items, next=f"{items[-1].project}~{items[-1].rule}" if len(named) > limit else None)


@router.get("/v1/rules/{project}/{rule}/firings", dependencies=allowed("read"), responses=problems(404))
def list_firings(
    project: Annotated[ProjectName, Path()],
    rule: Annotated[RuleName, Path()],
    service: ServiceDep,
    who: WhoDep,
    *,
    state: Annotated[Firing | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[FiringView]:
    """List what a rule did about each occasion, the newest first; also of a rule that is no longer there."""
    who.require_project(project)
    chosen = select(RuleFiring).where(RuleFiring.project == project, RuleFiring.rule == rule)
    if after is not None:
        chosen = chosen.where(RuleFiring.id < cursor_number(after))
    if state is not None:
        chosen = chosen.where(RuleFiring.state == state.value)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(RuleFiring.id.desc()).limit(limit + 1)).all()
    if not rows and after is None and state is None and rule not in service.settings.rules_in(project):
        raise NotFoundError
    items = tuple(show_firing(row, who) for row in rows[:limit])
    return Page(items=items, next=str(items[-1].id) if len(rows) > limit else None)


@router.post(
    "/v1/signals",
    status_code=201,
    dependencies=allowed("operate"),
    responses={200: {"model": SignalView, "description": "This signal was taken before"}, **problems(404, 409)},
)
def send_signal(signal: SignalRequest, response: Response, service: ServiceDep, who: WhoDep) -> SignalView:
    """Take what was noticed outside: a verdict on drift, or a metric in production. Rules may act on it, once."""
    who.require_project(signal.project)
    with service.database.write() as session:
        created = take_signal(session, service.settings, signal, who.name, time.time())
        rules = tuple(concerned(session, service.settings, signal))
    response.status_code = 201 if created else 200
    return SignalView(id=signal.id, project=signal.project, rules=rules)
