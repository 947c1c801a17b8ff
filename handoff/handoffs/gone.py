"""End runs whose target is in no handoff.yaml any more: nobody will ever ask their engine for them.

1. A target is gone if the settings do not name it, and no worker of any home said within a day that it serves it.
2. What was sent there says so, once, and waits for a person: to set the target up again, or to cancel it.
3. One that a person cancels is CANCELED at the next look. Its reason says that nobody told its engine.
4. After a day it is LOST. An engine may have it still, so it is no dead letter that could be sent again: only a rerun
   is left, which a person decides on. A worker that comes back later ends such a run where its engine can list them.
5. A withdrawal cancels runs too, but purges what they wrote as soon as they have ended; so these wait for their day.

What was not sent is not looked at: it waits in its queue (`target-gone`), and can be canceled there.
"""

import time

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Event, Handoff, WorkerPulse
from handoff.handoffs.cancel import ASKED
from handoff.handoffs.outbox import settle
from handoff.handoffs.shares import HOLDS
from handoff.handoffs.states import State, note, transition
from handoff.loop import Loop
from handoff.settings import Settings
from handoff.withdrawals.gate import is_withdrawn

GONE = "target-gone"
"""The event, whose reason is the target; and the reason of the handoff."""
AWAY_SECONDS = 86_400.0
"""How long a target may be away before what it had is lost."""
_PERIOD_SECONDS = 5.0


class GoneTargets(Loop):
    """Looks for such runs, until it is stopped; every replica may."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__("gone-targets", _PERIOD_SECONDS)
        self._database = database
        self._targets = sorted(settings.targets)

    def look(self) -> bool:
        """Look once; there is never more to do at once."""
        self.look_at(time.time())
        return False

    def look_at(self, now: float) -> None:
        """Go on with every run whose target is gone at that time."""
        with self._database.read() as session:
            found = session.scalars(select(Handoff.id).where(self._gone(now)).order_by(Handoff.id)).all()
        for handoff_id in found:
            with self._database.write() as session:
                handoff = session.get_one(Handoff, handoff_id, with_for_update=True)
                if session.scalar(select(Handoff.id).where(Handoff.id == handoff_id, self._gone(now))) is not None:
                    _go_on(session, handoff, now)

    def _gone(self, now: float) -> ColumnElement[bool]:
        """Step (1)."""
        served = select(WorkerPulse.target).where(WorkerPulse.seen_at > now - AWAY_SECONDS)
        return and_(Handoff.state.in_(HOLDS), Handoff.target.not_in(self._targets), Handoff.target.not_in(served))


def _go_on(session: Session, handoff: Handoff, now: float) -> None:
    """Steps (2) to (5), of a locked handoff."""
    told = select(Event).where(Event.handoff_id == handoff.id, Event.event != ASKED).order_by(Event.id.desc()).limit(1)
    last = session.scalar(told)
    away_since = last.at if last and last.event == GONE and handoff.reason == GONE else None
    if away_since is None:
        handoff.reason = GONE
        note(session, handoff, GONE, handoff.target)
    if handoff.cancel_asked and not is_withdrawn(session, handoff.batch_id):
        _end(session, handoff, State.CANCELED)
    elif away_since is not None and now >= away_since + AWAY_SECONDS:
        _end(session, handoff, State.LOST)


def _end(session: Session, handoff: Handoff, state: State) -> None:
    settle(session, handoff.id)
    transition(session, handoff, state, GONE)
