"""List targets, and ask one whether it could run something now."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import func, select

from handoff.access.principal import Principal
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.backends.check import Checked, check_target
from handoff.database.tables import Handoff
from handoff.errors import NotFoundError, StartError
from handoff.handoffs.states import AT_ENGINE, ENDED, State
from handoff.schemas.page import Page
from handoff.schemas.targets import ProbeView, TargetView
from handoff.service import Service
from handoff.targets import ServedModelTarget, Target, TargetName, runs_beside

router = APIRouter(tags=["targets"])
_WAITING = frozenset(State) - AT_ENGINE - ENDED


@router.get("/v1/targets", dependencies=allowed("read"), responses=problems())
def list_targets(service: ServiceDep, who: WhoDep, after: After = None, limit: Limit = 50) -> Page[TargetView]:
    """List targets by name, with how many handoffs wait for each and run there."""
    names = sorted(name for name in service.settings.targets if name > (after or ""))
    counted = _counts(service, who, names[:limit])
    items = tuple(_view(name, service.settings.targets[name], counted.get(name, {})) for name in names[:limit])
    return Page(items=items, next=items[-1].name if len(names) > limit else None)


@router.get("/v1/targets/{name}", dependencies=allowed("read"), responses=problems(404))
def get_target(name: Annotated[TargetName, Path()], service: ServiceDep, who: WhoDep) -> TargetView:
    """Show one target."""
    return _view(name, _find(service, name), _counts(service, who, [name]).get(name, {}))


@router.post("/v1/targets/{name}:probe", dependencies=allowed("operate"), responses=problems(404))
def probe_target(name: Annotated[TargetName, Path()], service: ServiceDep) -> ProbeView:
    """Ask a target whether it could run something now. Its worker may live elsewhere and see more, or less."""
    target = _find(service, name)
    try:
        checked = check_target(service.settings, name, target)
    except StartError as error:
        checked = Checked(ok=False, lines=(f"{error} {error.remedy}",), problem="not-installed")
    return ProbeView(name=name, ok=checked.ok, versions=checked.versions, problem=checked.problem, says=checked.lines)


def _find(service: Service, name: str) -> Target:
    target = service.settings.targets.get(name)
    if target is None:
        raise NotFoundError(remedy="GET /v1/targets lists them.")
    return target


def _counts(service: Service, who: Principal, names: list[str]) -> Mapping[str, Mapping[str, int]]:
    """How many handoffs each target has in each state that is not an end."""
    going = [state.value for state in State if state not in ENDED]
    chosen = (
        select(Handoff.target, Handoff.state, func.count())
        .where(Handoff.target.in_(names), Handoff.state.in_(going), who.within(Handoff.project))
        .group_by(Handoff.target, Handoff.state)
    )
    counted: dict[str, dict[str, int]] = {}
    with service.database.read() as session:
        for target, state, count in session.execute(chosen):
            counted.setdefault(target, {})[state] = count
    return counted


def _view(name: str, target: Target, counted: Mapping[str, int]) -> TargetView:
    return TargetView(
        name=name,
        backend=target.backend,
        local=runs_beside(target),
        runs_at_once=target.runs,
        model=target.model if isinstance(target, ServedModelTarget) else None,
        waiting=sum(count for state, count in counted.items() if state in _WAITING),
        running=sum(count for state, count in counted.items() if state in AT_ENGINE),
    )
