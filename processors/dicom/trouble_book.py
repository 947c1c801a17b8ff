"""Where a trouble is written down: a line in the log, a count, and a row in the ledger."""

import threading
import time
from typing import Final

from processors.dicom.causes import explain, printable
from processors.dicom.event_log import EventLog
from processors.dicom.metrics import ReceiverMetrics
from processors.ledger import troubles
from processors.ledger.troubles import Trouble
from processors.ledger.writer import LedgerWriter, Work

MOST_WAITING: Final = 1000
"""For the ledger; more are in log and metrics alone, so that a flood of them costs no memory."""


class TroubleBook:
    """Notes troubles. Any thread; never raises, never waits for the ledger."""

    def __init__(self, log: EventLog, metrics: ReceiverMetrics, writer: LedgerWriter) -> None:
        self._log, self._metrics, self._writer = log, metrics, writer
        self._lock = threading.Lock()
        self._waiting = 0

    def note(
        self,
        cause: str,
        *,
        calling_ae: str,
        called_ae: str,
        address: str,
        peer: str = "",
        detail: str = "",
        association: str | None = None,
    ) -> None:
        """Note one, of now. Facts are as `processors.dicom.causes` has them; empty is what was not heard."""
        facts = {
            "calling_ae": printable(calling_ae),
            "called_ae": printable(called_ae),
            "address": address,
            "peer": peer,
            "detail": printable(detail),
        }
        sentence, remedy = explain(cause, **facts)
        self._log.write("trouble", cause=cause, association=association, **facts, sentence=sentence, remedy=remedy)
        self._metrics.troubled(cause, peer)
        with self._lock:
            if self._waiting >= MOST_WAITING:
                return
            self._waiting += 1
        trouble = Trouble(at=time.time(), cause=cause, association_id=association, **facts)
        self._writer.submit(
            Work(lambda connection: troubles.add(connection, trouble), then=self._is_over, given_up=self._is_over)
        )

    def _is_over(self) -> None:
        with self._lock:
            self._waiting -= 1
