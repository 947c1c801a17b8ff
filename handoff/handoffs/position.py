"""Where in its queue a waiting handoff stands, as the order of turns foresees it now.

Rows of one project keep their order; between projects the one comes first whose use, by its share, is smaller. So as
many rows of another project come before the n-th of mine as it can have before its use passes what mine will be then.
A run that has not begun counts as long as those of the last hour did.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.tables import Handoff, OutboxRow
from handoff.handoffs.shares import WAITS, WINDOW_SECONDS, fits, gpus_held, quotas_of, shares_of, usage
from handoff.pools import members_of
from handoff.settings import Settings

WaitsFor = Literal["turn", "gpu-quota", "target-gone"]
_UNKNOWN_SECONDS = 60.0
"""How long a run is taken to be where none ended lately."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a queue, 1 for the next; and what it waits for."""

    number: int
    waits_for: WaitsFor


@dataclass(frozen=True, slots=True)
class Line:
    """The rows of one project that wait for one target or pool: how many, the first one's id, its use by its share."""

    rows: int
    first: int
    used: float
    share: float


def places(session: Session, settings: Settings, handoffs: Sequence[Handoff], now: float) -> dict[str, Place]:
    """The places of those that wait, by handoff id; one that was sent or has ended is not among them."""
    waiting = [handoff for handoff in handoffs if handoff.state in WAITS]
    held = gpus_held(session, now) if any(handoff.gpus for handoff in waiting) else {}
    found: dict[str, Place] = {}
    for name in sorted({handoff.pool or handoff.target for handoff in waiting}):
        mine = {handoff.id: handoff for handoff in waiting if (handoff.pool or handoff.target) == name}
        for handoff_id, number in _numbers(session, settings, name, list(mine), now).items():
            found[handoff_id] = Place(number, _waits_for(settings, name, mine[handoff_id], held))
    return found


def _waits_for(settings: Settings, name: str, handoff: Handoff, held: Mapping[str, int]) -> WaitsFor:
    if name not in settings.pools and name not in settings.targets:
        return "target-gone"
    return "turn" if fits(quotas_of(settings), held, handoff.project, handoff.gpus) else "gpu-quota"


def _numbers(session: Session, settings: Settings, name: str, ids: list[str], now: float) -> dict[str, int]:
    """Places in one queue, which is a target's or a pool's."""
    queued = (
        select(
            OutboxRow.handoff_id,
            OutboxRow.id,
            Handoff.project,
            func.row_number().over(partition_by=Handoff.project, order_by=OutboxRow.id).label("rank"),
        )
        .join(Handoff, Handoff.id == OutboxRow.handoff_id)
        .where(func.coalesce(Handoff.pool, Handoff.target) == name, Handoff.state.in_(WAITS))
        .subquery()
    )
    lines = select(queued.c.project, func.count(), func.min(queued.c.id)).group_by(queued.c.project)
    targets = members_of(settings.pools, name)
    used, shares = usage(session, targets, now), shares_of(settings)
    by_project = {
        project: Line(rows, first, used.get(project, 0.0), shares.get(project, 1.0))
        for project, rows, first in session.execute(lines)
    }
    seconds = _seconds(session, targets, now)
    chosen = session.execute(select(queued).where(queued.c.handoff_id.in_(ids)))
    return {row.handoff_id: place_of(row.project, row.rank, by_project, seconds) for row in chosen}


def place_of(project: str, rank: int, lines: Mapping[str, Line], seconds: float) -> int:
    """The place of a project's n-th row, 1 for the next.

    Args:
        project: whose row it is.
        rank: n, from 1.
        lines: of every project that waits there.
        seconds: how long a run is taken to be.
    """
    mine = lines[project]
    turn = (mine.used + (rank - 1) * seconds) / mine.share
    return rank + sum(
        _before(line, turn, seconds, ties=line.first < mine.first) for name, line in lines.items() if name != project
    )


def _before(line: Line, turn: float, seconds: float, *, ties: bool) -> int:
    """Rows of a line whose turn is earlier than that; as early ones count where `ties`."""
    runs = (turn * line.share - line.used) / seconds
    number = math.floor(runs) + 1 if ties else math.ceil(runs)
    return min(max(number, 0), line.rows)


def _seconds(session: Session, targets: Sequence[str], now: float) -> float:
    """How long the runs of the last hour took, on average."""
    took = func.avg(Handoff.ended_at - Handoff.sent_at)
    ended = Handoff.target.in_(targets), Handoff.ended_at > now - WINDOW_SECONDS, Handoff.sent_at.is_not(None)
    return max(float(session.scalar(select(took).where(*ended)) or _UNKNOWN_SECONDS), 1.0)
