"""Bring one leased outbox row to the engine, once, from whichever state a killed worker left it in.

1. VALIDATING: batch, pipeline and model are what was recorded, or REJECTED.
2. READY: the run is laid out at the target.
3. SUBMITTING: attempt and send time are committed before anything is sent.
4. From the second attempt on the engine is asked for the key before anything is sent again.
5. SUBMITTED: the reference is recorded and the row removed, in one transaction.
"""

import time
from dataclasses import dataclass

from sqlalchemy import select

from handoff.backends.interface import Backend, BackendError
from handoff.database.engine import Database
from handoff.database.tables import Handoff, OutboxRow
from handoff.handoffs.order import OrderError, RunOrder, make_order
from handoff.handoffs.outbox import MOST_ATTEMPTS, POSTPONED, postpone, settle
from handoff.handoffs.states import State, note, transition
from handoff.home import ResearchHome
from handoff.store import Store


@dataclass(frozen=True, slots=True)
class Submission:
    """What submitting needs; one per worker."""

    database: Database
    home: ResearchHome
    store: Store
    backend: Backend

    def submit(self, handoff_id: str) -> None:
        """Go on with a handoff until the engine has it, it ended, or another attempt must wait."""
        if self._canceled(handoff_id):
            return
        try:
            order = self._validate(handoff_id)
            self.backend.prepare(order)
        except OrderError as error:
            self._end(handoff_id, State.REJECTED, error.code)
            return
        except (BackendError, OSError) as error:
            self._postpone(handoff_id, getattr(error, "code", "target-disk"))
            return
        attempt = self._begin_attempt(handoff_id)
        try:
            reference = self.backend.find(order.key) if attempt > 1 else None
            reference = reference or self.backend.submit(order.key)
        except (BackendError, OSError) as error:
            self._postpone(handoff_id, getattr(error, "code", "target-failed"))
            return
        self._submitted(handoff_id, reference)

    def _canceled(self, handoff_id: str) -> bool:
        """End a handoff that was canceled before anything was sent; one that may be at the engine is watched first."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id)
            if not handoff.cancel_asked or handoff.state == State.SUBMITTING:
                return False
            settle(session, handoff_id)
            transition(session, handoff, State.CANCELED, "asked")
        return True

    def _validate(self, handoff_id: str) -> RunOrder:
        """Step (1)."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id)
            if handoff.state == State.ACCEPTED:
                transition(session, handoff, State.VALIDATING)
        with self.database.read() as session:
            return make_order(session, self.home, self.store, session.get_one(Handoff, handoff_id))

    def _begin_attempt(self, handoff_id: str) -> int:
        """Steps (2) and (3); returns which attempt this is, from 1."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id)
            row = session.scalars(select(OutboxRow).where(OutboxRow.handoff_id == handoff_id)).one()
            row.attempts += 1
            row.sent_at = time.time()
            handoff.attempts = row.attempts
            if handoff.state == State.VALIDATING:
                transition(session, handoff, State.READY)
            if handoff.state == State.READY:
                transition(session, handoff, State.SUBMITTING)
            else:
                note(session, handoff, "attempt")
            return row.attempts

    def _submitted(self, handoff_id: str, reference: str) -> None:
        """Step (5)."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id)
            handoff.reference = reference
            transition(session, handoff, State.SUBMITTED)
            settle(session, handoff_id)

    def _postpone(self, handoff_id: str, code: str) -> None:
        """Try again later; after too many attempts it is a dead letter with its reason."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id)
            row = session.scalars(select(OutboxRow).where(OutboxRow.handoff_id == handoff_id)).one()
            if row.attempts >= MOST_ATTEMPTS and handoff.state == State.SUBMITTING:
                settle(session, handoff_id)
                transition(session, handoff, State.FAILED, code)
                return
            postpone(session, row, time.time())
            note(session, handoff, POSTPONED, code)

    def _end(self, handoff_id: str, state: State, code: str) -> None:
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id)
            settle(session, handoff_id)
            if handoff.state == State.SUBMITTING:
                state = State.FAILED  # something may have been sent, so it is no longer a matter of admission
            transition(session, handoff, state, code)
