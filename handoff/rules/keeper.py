"""The loop over schedules and due firings. Runs in a thread of the service; every replica may run it."""

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError

from handoff.batches.form import BatchForming
from handoff.database.engine import Database
from handoff.database.tables import RuleFiring
from handoff.handoffs.accept import HandoffAcceptance
from handoff.loop import Loop
from handoff.rules.fire import LONGEST_WAIT_SECONDS, Deciding
from handoff.rules.measured import Measured
from handoff.rules.states import TO_DO
from handoff.rules.times import Times
from handoff.settings import Settings
from handoff.store import Store

LEASE_SECONDS = 30.0
"""How long a step may take before another replica takes the firing up too; then the first one that is done counts."""


class RuleKeeper(Loop):
    """Acts on what happened, firing by firing, until it is stopped."""

    def __init__(
        self,
        database: Database,
        store: Store,
        settings: Settings,
        *,
        period_seconds: float = 0.5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__("rule-keeper", period_seconds)
        self._database = database
        self._clock = clock
        self._times = Times(database, settings)
        self._measured = Measured(database, settings)
        forming, acceptance = BatchForming(database, store), HandoffAcceptance(database, settings)
        self.deciding = Deciding(database, forming, acceptance, settings)

    def look(self) -> bool:
        """Note what came, and take one due firing as far as it goes now; whether there was one."""
        self._times.note(self._clock())
        self._measured.note(self._clock())
        firing = self._claim(self._clock())
        if firing is None:
            return False
        try:
            while self.deciding.step(firing, self._clock()):
                pass
        except IntegrityError:
            # Another replica accepted the same decision at the same moment: the next look finds it.
            with self._database.write() as session:
                session.get_one(RuleFiring, firing, with_for_update=True).due_at = self._clock() + 1
        return True

    def _claim(self, now: float) -> int | None:
        """The firing that is due first; other replicas leave it alone until the lease is over."""
        due = select(RuleFiring).where(_due(now)).order_by(RuleFiring.due_at, RuleFiring.id).limit(1)
        with self._database.read() as session:
            if session.scalar(due) is None:  # nearly always; and it takes no write lock
                return None
        with self._database.write() as session:
            row = session.scalar(due.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.due_at = now + LEASE_SECONDS
            return row.id


def _due(now: float) -> ColumnElement[bool]:
    to_do = RuleFiring.state.in_([state.value for state in TO_DO])
    return to_do & or_(RuleFiring.due_at <= now, RuleFiring.due_at > now + 2 * LONGEST_WAIT_SECONDS)
