"""What a target's worker takes next, as data and in order.

1. What may be at the engine already comes first: it holds a place, and only has to be asked for.
2. Then the project comes whose runs held places for the shortest time of the last hour, by its share; its oldest row is
   next. So a thousand rows of one project keep no other waiting, and who was alone yesterday owes nothing today.
3. A project at its GPU quota waits. No row that needs GPUs passes an older one of its project that does, or a large run
   would never begin; what needs none goes on.
4. A row of a pool is left for a moment, longer the more places of the target are taken, so that an emptier member takes
   it. No member has to know of the others, and one that is gone keeps nothing waiting.
5. Until something of it was sent, a row of a pool is any member's; from then on its target never changes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from handoff.database.tables import Handoff, OutboxRow
from handoff.handoffs.lease import is_free
from handoff.handoffs.shares import HOLDS, WAITS, fits, gpus_held, quotas_of, shares_of, usage
from handoff.handoffs.states import State
from handoff.pools import members_of
from handoff.settings import Settings

_STEP_ASIDE_SECONDS = 2.0
"""How long a row of a pool is left for others by a target that has no place to give."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What one target takes from.

    Attributes:
        target: Where its runs happen.
        places: Runs that it takes at one time.
        pools: The pools that it is a member of.
        beside: All members of these pools, whose runs count for the shares too.
        shares: Of projects whose share is not 1.
        quotas: Most GPUs at one time, of projects that have a limit.
    """

    target: str
    places: int
    pools: Collection[str] = ()
    beside: Collection[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, target: str) -> Self:
        """The queue of a target of these settings."""
        pools = [name for name, members in settings.pools.items() if target in members]
        beside = {member for pool in pools for member in members_of(settings.pools, pool)}
        places = settings.targets[target].runs
        return cls(target, places, pools, sorted(beside), shares_of(settings), quotas_of(settings))

    def unsent_of_pools(self) -> ColumnElement[bool]:
        """Rule (5), as a condition of a query for handoffs."""
        return and_(Handoff.pool.in_(self.pools), Handoff.attempts == 0, Handoff.state.in_(WAITS))


def due_rows(session: Session, queue: Queue, now: float, *, pools: bool = True) -> list[int]:
    """Ids of the outbox rows that the target may take now, in order; of each project the first.

    Args:
        session: a look at the database, which locks nothing.
        queue: of the target.
        now: seconds since 1970.
        pools: whether it takes rows of its pools too, or only what is its own.
    """
    rows = select(OutboxRow.id).join(Handoff, Handoff.id == OutboxRow.handoff_id).where(is_free(now))
    sent = rows.where(OutboxRow.target == queue.target, Handoff.state == State.SUBMITTING.value)
    known = list(session.scalars(sent.order_by(OutboxRow.id).limit(1)))  # (1)
    taken = busy(session, queue.target)
    if known or taken >= queue.places:
        return known
    wanted: ColumnElement[bool] = OutboxRow.target == queue.target
    if pools and queue.pools:
        aside = now - _STEP_ASIDE_SECONDS * taken / queue.places  # (4)
        waited = or_(OutboxRow.due_at <= aside, OutboxRow.due_at > now)
        wanted = or_(wanted, and_(queue.unsent_of_pools(), waited))
    kind = case((Handoff.gpus > 0, 1), else_=0)
    heads = rows.where(wanted, Handoff.state.in_(WAITS)).with_only_columns(func.min(OutboxRow.id))
    ids = session.scalars(heads.group_by(Handoff.project, kind)).all()
    return _in_turn(session, queue, ids, now)


def _in_turn(session: Session, queue: Queue, ids: Collection[int], now: float) -> list[int]:
    """Rules (2) and (3) over the oldest row of each project, with GPUs and without."""
    chosen = select(OutboxRow.id, Handoff.project, Handoff.gpus).join(Handoff, Handoff.id == OutboxRow.handoff_id)
    heads = session.execute(chosen.where(OutboxRow.id.in_(ids))).all() if ids else []
    if queue.quotas and any(gpus for _, _, gpus in heads):
        held = gpus_held(session, now)
        heads = [head for head in heads if fits(queue.quotas, held, head[1], head[2])]
    if len({project for _, project, _ in heads}) > 1:
        used = usage(session, queue.beside or (queue.target,), now)
        return [
            row_id
            for _, row_id in sorted((used.get(name, 0.0) / queue.shares.get(name, 1.0), row) for row, name, _ in heads)
        ]
    return sorted(row_id for row_id, _, _ in heads)


def busy(session: Session, target: str) -> int:
    """Runs that take a place at the target."""
    counted = select(func.count()).select_from(Handoff).where(Handoff.target == target, Handoff.state.in_(HOLDS))
    return session.scalar(counted) or 0
