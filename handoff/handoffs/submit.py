"""Bring one leased outbox row to the engine, once, from whichever state a killed worker left it in.

1. What may have been sent before, also before a retry, is asked for first, and taken over if the engine has it.
   `sent_at` of the row is the time of a request whose answer is not known to be a refusal, or of the answer that left
   it open, since the request may have been under way until then: until the engine's settle time has passed since then,
   the row only asks. A crash between that commit and the answer looks the same, and is treated the same.
2. VALIDATING: batch, pipeline and model are what was recorded, or REJECTED.
3. READY: the run is laid out at the target; making it ready again changes nothing.
4. SUBMITTING: attempt, send time and the digest of what is sent are committed before anything is sent, and only by
   the worker that still has the lease, which is renewed for longer than one call may take.
5. SUBMITTED: the reference is recorded and the row removed, in one transaction.
6. A sure refusal takes `sent_at` back, so that the next attempt may come early. An attempt that surely did not reach
   the engine is not counted; after too many others, refusals to prepare among them, the row is a dead letter with its
   reason. The row counts what leads there, the handoff what was sent.
7. While nothing of it was sent, a row of a pool that this target cannot use goes back to the pool.

Whatever is decided is decided on locked rows, the handoff's first, and only while this worker has the lease: meanwhile
a person may have ended the handoff, or another worker may have taken it over.
"""

import time
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.access.run_access import RunAccesses
from handoff.backends.interface import Answer, Backend, BackendError, Prepared
from handoff.database.engine import Database
from handoff.database.tables import Handoff, OutboxRow
from handoff.errors import StoreDownError
from handoff.handoffs.lease import LEASE_SECONDS
from handoff.handoffs.order import OrderError, RunOrder, make_order
from handoff.handoffs.outbox import (
    CLAIMED,
    MOST_ATTEMPTS,
    POSTPONED,
    give_back,
    postpone,
    settle,
    wait_to_settle,
)
from handoff.handoffs.shares import WAITS
from handoff.handoffs.states import TRANSITIONS, State, note, transition
from handoff.home import ResearchHome
from handoff.store import Store
from handoff.withdrawals.copies import note_run
from handoff.withdrawals.gate import hold_shared, is_withdrawn


@dataclass(frozen=True, slots=True)
class Submission:
    """What submitting needs; one per worker."""

    database: Database
    home: ResearchHome
    store: Store
    backend: Backend
    worker: str
    accesses: RunAccesses | None = None
    """Where steps reach their files by the handoff, what each run gets: the same however often it is sent."""

    def submit(self, handoff_id: str) -> bool:
        """Go on with a handoff until the engine has it, it ended, or another attempt must wait.

        Returns:
            Whether the target works as far as this shows; False tells its worker to leave pools to others for a while.
        """
        if self._over(handoff_id):
            return True
        try:
            if self._known(handoff_id):
                return True
        except (BackendError, OSError) as error:
            self._postpone(handoff_id, getattr(error, "code", "target-disk"))
            return False
        return self._send(handoff_id)

    def _send(self, handoff_id: str) -> bool:
        """Steps (2) to (7)."""
        try:
            prepared = self.backend.prepare(self._with_access(self._validate(handoff_id)))
        except OrderError as error:
            self._end(handoff_id, State.REJECTED, error.code)
            return True
        except (BackendError, StoreDownError, OSError) as error:
            refused = getattr(error, "answer", None) is Answer.REFUSED
            self._postpone(handoff_id, getattr(error, "code", "target-disk"), counts=refused)
            return refused
        if not self._begin_attempt(handoff_id, prepared):
            return True
        try:
            reference = self.backend.submit(prepared)
        except (BackendError, OSError) as error:
            answer = getattr(error, "answer", Answer.AMBIGUOUS)
            self._postpone(handoff_id, getattr(error, "code", "target-failed"), answer)
            return answer is Answer.REFUSED
        self._submitted(handoff_id, reference)
        return True

    def _over(self, handoff_id: str) -> bool:
        """End a handoff that was canceled before anything was sent; one that may be at the engine is watched first."""
        with self.database.write() as session:
            mine = self._mine(session, handoff_id)
            if mine is None:
                return True
            handoff, _ = mine
            if not handoff.cancel_asked or handoff.state == State.SUBMITTING:
                return False
            settle(session, handoff_id)
            transition(session, handoff, State.CANCELED, "asked")
        return True

    def _known(self, handoff_id: str) -> bool:
        """Step (1): whether nothing is to be sent now, because the engine has the run or may yet show it."""
        with self.database.read() as session:
            handoff = session.get_one(Handoff, handoff_id)
        if handoff.state != State.SUBMITTING and not handoff.attempts:
            return False
        reference = self.backend.find(handoff.key, handoff.id)
        if reference is not None:
            self._submitted(handoff_id, reference)
            return True
        with self.database.write() as session:
            mine = self._mine(session, handoff_id)
            return mine is None or self._waits(session, *mine)

    def _waits(self, session: Session, handoff: Handoff, row: OutboxRow) -> bool:
        """Whether what the engine does not show may not be sent again: not yet, or never."""
        now = time.time()
        if row.sent_at is not None:
            row.sent_at = min(row.sent_at, now)  # a clock that was put back will not show for long what it showed then
        if row.sent_at is not None and now < row.sent_at + self.backend.settle_seconds:
            wait_to_settle(row, self.backend.settle_seconds, now)
            return True
        if handoff.cancel_asked and self.backend.settle_seconds:
            settle(session, handoff.id)
            transition(session, handoff, State.CANCELED, "asked")
            return True
        if row.attempts >= MOST_ATTEMPTS:
            settle(session, handoff.id)
            transition(session, handoff, State.FAILED, handoff.reason or "too-many-attempts")
            return True
        return False

    def _validate(self, handoff_id: str) -> RunOrder:
        """Step (2)."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id, with_for_update=True)
            if handoff.state == State.ACCEPTED:
                transition(session, handoff, State.VALIDATING)
        with self.database.read() as session:
            return make_order(session, self.home, self.store, session.get_one(Handoff, handoff_id))

    def _with_access(self, order: RunOrder) -> RunOrder:
        """The same order, with the run's token, whose time begins anew."""
        return order if self.accesses is None else replace(order, access=self.accesses.give(order.handoff))

    def _begin_attempt(self, handoff_id: str, prepared: Prepared) -> bool:
        """Steps (3) and (4); False when another worker has taken the row meanwhile, or nothing may be sent any more."""
        with self.database.write() as session:
            hold_shared(session)  # so a withdrawal sees this attempt, or this attempt the withdrawal
            mine = self._mine(session, handoff_id)
            if mine is None or self._unwanted(session, *mine):
                return False
            handoff, row = mine
            note_run(session, handoff)
            now = time.time()
            row.attempts += 1
            row.sent_at, row.leased_until = now, now + LEASE_SECONDS
            handoff.attempts += 1
            handoff.sent_at, handoff.prepared_digest = now, prepared.digest
            if handoff.pool is not None and handoff.attempts == 1:
                note(session, handoff, CLAIMED, handoff.target)
            if handoff.state == State.VALIDATING:
                transition(session, handoff, State.READY)
            if handoff.state == State.READY:
                transition(session, handoff, State.SUBMITTING)
            else:
                note(session, handoff, "attempt")
            return True

    def _unwanted(self, session: Session, handoff: Handoff, row: OutboxRow) -> bool:
        """End what was withdrawn or canceled while its run was made ready, so that nothing of it is sent."""
        sent = handoff.state == State.SUBMITTING
        if is_withdrawn(session, handoff.batch_id):
            ending, code = (State.FAILED if sent else State.REJECTED), "batch-withdrawn"
        elif handoff.cancel_asked and (not sent or self.backend.settle_seconds):
            ending, code = State.CANCELED, "asked"
        else:
            return False
        settle(session, handoff.id)
        transition(session, handoff, ending, code)
        return True

    def _submitted(self, handoff_id: str, reference: str) -> None:
        """Step (5). Another worker may have taken over the run before our answer came; what it recorded stays."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id, with_for_update=True)
            if handoff.state in WAITS and self._mine(session, handoff_id) is not None:
                _catch_up(session, handoff)
            if handoff.state != State.SUBMITTING:
                return
            handoff.reference = reference
            transition(session, handoff, State.SUBMITTED)
            settle(session, handoff_id)

    def _postpone(self, handoff_id: str, code: str, answer: Answer | None = None, *, counts: bool = False) -> None:
        """Try again later, and say why; sooner if it is only to ask for what was sent, whose answer this was."""
        with self.database.write() as session:
            mine = self._mine(session, handoff_id)
            if mine is None:
                return
            handoff, row = mine
            now = time.time()
            row.attempts += counts
            _answered(handoff, row, answer, now)  # (6)
            if row.sent_at is None and row.attempts >= MOST_ATTEMPTS:
                settle(session, handoff_id)
                transition(session, handoff, State.FAILED, code)
                return
            if row.sent_at is not None and now < row.sent_at + self.backend.settle_seconds:
                wait_to_settle(row, self.backend.settle_seconds, now)
            else:
                postpone(row, now)
            unsent = handoff.state in WAITS and not handoff.attempts
            if unsent and handoff.pool is not None:
                give_back(handoff, row, now if not counts else row.due_at)  # (7)
            said = handoff.reason == code and not counts and answer in {None, Answer.UNAVAILABLE}
            handoff.reason = code
            if not said:  # what is down for days says so once
                note(session, handoff, POSTPONED, code)

    def _end(self, handoff_id: str, state: State, code: str) -> None:
        with self.database.write() as session:
            mine = self._mine(session, handoff_id)
            if mine is None:
                return
            handoff, _ = mine
            settle(session, handoff_id)
            if handoff.state == State.SUBMITTING:
                state = State.FAILED  # something may have been sent, so it is no longer a matter of admission
            transition(session, handoff, state, code)

    def _mine(self, session: Session, handoff_id: str) -> tuple[Handoff, OutboxRow] | None:
        """The handoff and its row, locked; None when this worker does not have the lease any more."""
        handoff = session.get_one(Handoff, handoff_id, with_for_update=True)
        row = session.scalar(select(OutboxRow).where(OutboxRow.handoff_id == handoff_id).with_for_update())
        return None if row is None or row.leased_by != self.worker else (handoff, row)


def _answered(handoff: Handoff, row: OutboxRow, answer: Answer | None, now: float) -> None:
    """Write down what the engine said to a sending, if it was one."""
    if answer is not None:
        row.sent_at = now if answer is Answer.AMBIGUOUS else None
    if answer is Answer.UNAVAILABLE:
        row.attempts -= 1
        handoff.attempts -= 1


def _catch_up(session: Session, handoff: Handoff) -> None:
    """What was sent before a retry is at the engine: go through the states up to there."""
    for state in (State.VALIDATING, State.READY, State.SUBMITTING):
        if state in TRANSITIONS[State(handoff.state)]:
            transition(session, handoff, state)
