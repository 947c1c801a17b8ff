"""Takes requests for storage commitment: the list is durable, in the landing and in the ledger, before the answer.

Success of an N-ACTION says no more than that the request was taken; the answer proper is the N-EVENT-REPORT.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable

from processors.dicom.commitment.errors import BadRequestError
from processors.dicom.commitment.request import Asked, read
from processors.dicom.services import (
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    SUCCESS,
    ServiceAnswer,
    ServiceRequest,
)
from processors.landing.commitments import CommitmentRequest
from processors.landing.filling import new_id
from processors.landing.journal import AssociationFacts
from processors.landing.layout import Layout
from processors.ledger import commitments
from processors.ledger.schema import transaction


class CommitmentService:
    """Answers N-ACTIONs. Any thread."""

    def __init__(
        self,
        layout: Layout,
        ledger: sqlite3.Connection,
        *,
        has_room: Callable[[int], bool],
        taken: Callable[[], None],
        report: Callable[[str, BaseException], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin.

        Args:
            layout: The landing.
            ledger: A connection that any thread may use; it is used by one at a time.
            has_room: Whether so many bytes more would leave the disk's reserve untouched; they count as written.
            taken: Called after each request that was taken.
            report: Called with an event and an error that made us refuse one.
            clock: Unix seconds.
        """
        self._layout, self._ledger, self._has_room = layout, ledger, has_room
        self._taken, self._report, self._clock = taken, report, clock
        self._lock = threading.Lock()

    def serve(self, request: ServiceRequest, asks: AssociationFacts) -> ServiceAnswer:
        """Take a request, or say why not."""
        try:
            asked = read(request)
        except BadRequestError as error:
            return ServiceAnswer(error.status)
        if not self._has_room(len(request.data_set)):
            return ServiceAnswer(RESOURCE_LIMITATION)
        try:
            with self._lock:
                self._keep(asked, asks)
        except (OSError, sqlite3.Error) as error:
            self._report("commitment-not-kept", error)
            return ServiceAnswer(PROCESSING_FAILURE)
        self._taken()
        return ServiceAnswer(SUCCESS)

    def close(self) -> None:
        """Let go of the ledger."""
        with self._lock:
            self._ledger.close()

    def _keep(self, asked: Asked, asks: AssociationFacts) -> None:
        if self._is_repeated(asked, asks):
            return
        request = CommitmentRequest(
            id=new_id(),
            transaction_uid=asked.transaction_uid,
            association_id=asks.id,
            calling_ae=asks.calling_ae,
            called_ae=asks.called_ae,
            address=asks.peer,
            peer=asks.sender or "",
            received_at=self._clock(),
            instances=asked.instances,
        )
        path = self._layout.commitment_of(request.id)
        request.write(path)
        try:
            with transaction(self._ledger):
                commitments.add(self._ledger, request)
        except sqlite3.Error:
            with contextlib.suppress(OSError):  # else it is entered at the next start, which claims nothing false
                path.unlink()
            raise

    def _is_repeated(self, asked: Asked, asks: AssociationFacts) -> bool:
        """Whether the same caller has asked the very same before: it has not heard us, or may not trust it any more."""
        for earlier in commitments.of_transaction(self._ledger, asks.calling_ae, asked.transaction_uid):
            if commitments.names(self._ledger, earlier.id, asked.instances):
                with transaction(self._ledger):
                    commitments.ask_again(self._ledger, earlier.id)
                return True
        return False
