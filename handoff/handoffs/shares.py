"""What projects use of the targets: whose turn it is, and whose GPU quota is full."""

from collections.abc import Collection, Mapping

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from handoff.database.tables import Handoff, OutboxRow
from handoff.handoffs.lease import is_leased
from handoff.handoffs.states import AT_ENGINE, WAITING, State
from handoff.settings import Settings

WINDOW_SECONDS = 3600.0
"""How long it is remembered who held a place."""
HOLDS = tuple(state.value for state in (*AT_ENGINE, State.SUBMITTING))
"""States in which a handoff holds a place and its GPUs."""
WAITS = tuple(state.value for state in WAITING)
_LEAST_SECONDS = 1.0
"""What a run counts besides its time, so that many short ones do not count as none."""


def shares_of(settings: Settings) -> dict[str, float]:
    """The share of each project that settings name; any other has 1."""
    return {name: project.share for name, project in settings.projects.items()}


def quotas_of(settings: Settings) -> dict[str, int]:
    """Most GPUs at one time, of each project that has a limit."""
    return {name: project.gpus for name, project in settings.projects.items() if project.gpus is not None}


def usage(session: Session, targets: Collection[str], now: float) -> dict[str, float]:
    """Seconds for which each project held places of these targets in the last hour; its GPUs multiply them."""
    start = now - WINDOW_SECONDS
    began = case((Handoff.sent_at < start, start), else_=Handoff.sent_at)
    weight = case((Handoff.gpus > 1, Handoff.gpus), else_=1)
    held = and_(Handoff.target.in_(targets), Handoff.sent_at.is_not(None))
    used: dict[str, float] = {}
    for until, condition in (
        (now, Handoff.state.in_(HOLDS)),
        (Handoff.ended_at, Handoff.ended_at > start),
    ):  # two questions, for each has an index of its own
        seconds = func.sum(weight * (until - began + _LEAST_SECONDS))
        chosen = select(Handoff.project, seconds).where(held, condition).group_by(Handoff.project)
        for project, more in session.execute(chosen):
            used[project] = used.get(project, 0.0) + max(float(more), 0.0)
    return used


def gpus_held(session: Session, now: float) -> dict[str, int]:
    """GPUs that each project's runs hold, at whatever target; a row that a worker has counts as its run."""
    leased = and_(Handoff.state.in_(WAITS), is_leased(now))
    chosen = (
        select(Handoff.project, func.sum(Handoff.gpus))
        .outerjoin(OutboxRow, OutboxRow.handoff_id == Handoff.id)
        .where(Handoff.state.in_((*HOLDS, *WAITS)), Handoff.gpus > 0, or_(Handoff.state.in_(HOLDS), leased))
        .group_by(Handoff.project)
    )
    return {project: int(gpus) for project, gpus in session.execute(chosen)}


def fits(quotas: Mapping[str, int], held: Mapping[str, int], project: str, gpus: int) -> bool:
    """Whether a run of so many GPUs fits under its project's quota now."""
    return not gpus or project not in quotas or held.get(project, 0) + gpus <= quotas[project]
