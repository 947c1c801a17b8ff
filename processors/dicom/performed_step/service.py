"""Takes performed procedure steps of the peers that may send them: durable in landing and ledger before the answer.

| | IN PROGRESS | COMPLETED, DISCONTINUED | unknown |
|---|---|---|---|
| N-CREATE | 0111 | 0111 | made, IN PROGRESS |
| N-SET | changed; it may end | 0110 | 0112 |
"""

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from typing import Final

from processors.dicom.performed_step.errors import BadStepError
from processors.dicom.performed_step.request import MAXIMUM_ITEMS, SERIES, read_create, read_set
from processors.dicom.services import (
    DUPLICATE_INSTANCE,
    INVALID_ATTRIBUTE_VALUE,
    INVALID_INSTANCE,
    MISSING_ATTRIBUTE,
    MISSING_ATTRIBUTE_VALUE,
    NO_SUCH_INSTANCE,
    NOT_AUTHORIZED,
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    SUCCESS,
    Operation,
    ServiceAnswer,
    ServiceRequest,
)
from processors.landing.journal import AssociationFacts
from processors.landing.layout import Layout
from processors.landing.performed_steps import keeping
from processors.ledger import performed_steps
from processors.ledger.performed_steps import NewStep, Outcome, StepChange
from processors.peers import Peers

STATUSES: Final[dict[int, str]] = {
    INVALID_ATTRIBUTE_VALUE: "the state of an N-CREATE is not IN PROGRESS, there is no such state, or a UID is none",
    PROCESSING_FAILURE: "N-SET: the step has ended and may no longer be updated",
    DUPLICATE_INSTANCE: "N-CREATE: there is such a step already",
    NO_SUCH_INSTANCE: "N-SET: there is no such step",
    INVALID_INSTANCE: "N-CREATE: the SOP Instance UID is none",
    MISSING_ATTRIBUTE: "an attribute of type 1 is missing; N-SET to COMPLETED: no series were ever named",
    MISSING_ATTRIBUTE_VALUE: "an attribute of type 1 is empty",
    RESOURCE_LIMITATION: f"there are more than {MAXIMUM_ITEMS} items in it, or the disk is down to its reserve",
    NOT_AUTHORIZED: "the peer may not send steps, or the step is another peer's",
}
"""What is answered beside what every service may answer."""

_ANSWERS: Final[dict[Outcome, int]] = {
    "done": SUCCESS,
    "exists": DUPLICATE_INSTANCE,
    "unknown": NO_SUCH_INSTANCE,
    "not-yours": NOT_AUTHORIZED,
    "ended": PROCESSING_FAILURE,
    "incomplete": MISSING_ATTRIBUTE,
}
_KEYWORDS: Final[dict[Outcome, str]] = {"incomplete": SERIES}
Tell = Callable[[str, AssociationFacts, str], None]


class PerformedStepService:
    """Answers N-CREATEs and N-SETs. Any thread."""

    def __init__(
        self,
        layout: Layout,
        ledger: sqlite3.Connection,
        peers: Callable[[], Peers],
        *,
        has_room: Callable[[int], bool],
        tell: Tell,
        changed: Callable[[], object],
        report: Callable[[str, BaseException], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin.

        Args:
            layout: The landing.
            ledger: A connection that any thread may use; it is used by one at a time.
            peers: Who may send steps, asked anew for each request.
            has_room: Whether so many bytes more would leave the disk's reserve untouched; they count as written.
            tell: Told why a request was refused: cause, who asked, detail.
            changed: Called after each request that was taken: something may have become evidence.
            report: Called with an event and an error of disk or ledger that made us refuse one.
            clock: Unix seconds.
        """
        self._layout, self._ledger, self._peers, self._clock = layout, ledger, peers, clock
        self._has_room = has_room
        self._tell, self._changed, self._report = tell, changed, report
        self._lock = threading.Lock()

    def serve(self, request: ServiceRequest, asks: AssociationFacts) -> ServiceAnswer:
        """Take a step or its change, or say why not."""
        peer = self._allowed(asks)
        if peer is None:
            self._tell("performed-steps-off", asks, "")
            return ServiceAnswer(NOT_AUTHORIZED)
        try:
            return self._take(request, asks, peer)
        except BadStepError as error:
            words = f"{request.operation.name.replace('_', '-')} {error.status:04X} {error.keyword}"
            self._tell("performed-step-refused", asks, words.strip())
            return ServiceAnswer(error.status)
        except (OSError, sqlite3.Error) as error:
            self._report("performed-step-not-kept", error)
            return ServiceAnswer(PROCESSING_FAILURE)

    def close(self) -> None:
        """Let go of the ledger."""
        with self._lock:
            self._ledger.close()

    def _allowed(self, asks: AssociationFacts) -> str | None:
        """The name of the peer if it may send steps now."""
        sender = self._peers().senders.get(asks.sender or "")
        return sender.name if sender is not None and sender.sends.performed_steps else None

    def _take(self, request: ServiceRequest, asks: AssociationFacts, peer: str) -> ServiceAnswer:
        """Keep it.

        Raises:
            BadStepError: it is refused.
            OSError: the disk does not take it; nothing has changed.
            sqlite3.Error: the ledger does not; the same.
        """
        if not self._has_room(len(request.data_set)):
            raise BadStepError(RESOURCE_LIMITATION)
        match request.operation:
            case Operation.N_CREATE:
                return self._create(request, asks, peer)
            case Operation.N_SET:
                return self._change(request, peer)
            case _:
                raise AssertionError

    def _create(self, request: ServiceRequest, asks: AssociationFacts, peer: str) -> ServiceAnswer:
        step = read_create(request)
        uid = request.sop_instance_uid or f"2.25.{uuid.uuid4().int}"
        study = next(iter(step.studies)) if len(step.studies) == 1 else ""
        new = NewStep(uid, peer, asks.id, study, step.instances or frozenset())
        with self._lock, keeping(self._layout) as keep:
            outcome = performed_steps.create(self._ledger, new, self._clock(), keep)
        self._judge(outcome)
        return ServiceAnswer(SUCCESS, uid)

    def _change(self, request: ServiceRequest, peer: str) -> ServiceAnswer:
        step = read_set(request)
        wanted = StepChange(request.sop_instance_uid, peer, step.state, step.instances)
        with self._lock, keeping(self._layout) as keep:
            outcome = performed_steps.change(self._ledger, wanted, self._clock(), keep)
        self._judge(outcome)
        return ServiceAnswer()

    def _judge(self, outcome: Outcome) -> None:
        if outcome != "done":
            raise BadStepError(_ANSWERS[outcome], _KEYWORDS.get(outcome, ""))
        self._changed()
