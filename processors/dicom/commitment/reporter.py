"""Judges requests and tells the requesters, again and again until they have heard; what is to be done is in the ledger.

One thread, which sleeps while nothing is due. Requests that nobody has looked at come first, so that a peer that cannot
be reached delays no promise; and after one failure all reports for that peer wait, so that it delays no other peer.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from processors.dicom.commitment.judge import PROCESSING_FAILURE, failures_in_words, judge
from processors.dicom.commitment.report import send
from processors.dicom.errors import PeerError
from processors.landing.commitments import CommitmentRequest
from processors.landing.layout import Layout
from processors.ledger import commitments
from processors.ledger.commitments import Commitment, CommittedInstance
from processors.ledger.schema import connect, transaction
from processors.peers import Peer, Peers

BACKOFF_SECONDS: Final = (5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Pause after a report that did not arrive, by the number of attempts so far; the last one holds from then on."""
SETTLE_SECONDS: Final = 1.0
"""The requester has our N-ACTION-RSP for at least so long before it is told more."""
ON_ITS_WAY_SECONDS: Final = 0.5
"""Between two looks whether instances have come into the ledger."""
FAULT_SECONDS: Final = 60.0
_LONGEST_SLEEP_SECONDS: Final = 60.0
_CLOSE_SECONDS: Final = 5.0

Tell = Callable[[Commitment, str, str], None]
Send = Callable[[Peer, str, Sequence[CommittedInstance]], None]


class Reporter:
    """The thread."""

    def __init__(
        self,
        layout: Layout,
        ledger: Path,
        *,
        peers: Callable[[], Peers],
        is_on_its_way: Callable[[str], bool],
        tell: Tell,
        report: Callable[[str, BaseException], None],
        clock: Callable[[], float] = time.time,
        send: Send = send,
    ) -> None:
        """Start; everything that is not reported is due at once.

        Args:
            layout: The landing.
            ledger: The ledger file.
            peers: The peers file as it is now.
            is_on_its_way: Whether an instance of this UID is durable, and not in the ledger yet.
            tell: Told each request that came to trouble, the cause and its detail.
            report: Called with an event and an error that must not end the thread.
            clock: Unix seconds.
            send: Sends one report.

        Raises:
            LedgerError: the ledger cannot be opened.
        """
        self._connection = connect(ledger, check_same_thread=False)
        self._layout, self._peers, self._is_on_its_way = layout, peers, is_on_its_way
        self._tell, self._report, self._clock, self._send = tell, report, clock, send
        self._woken = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="commitment-reporter", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to do. Any thread."""
        self._woken.set()

    def close(self) -> None:
        """End the thread; a report that is just being sent is not waited for long, and sent again at the next start."""
        self._closing = True
        self._woken.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        with closing(self._connection) as connection:
            self._guarded(lambda: _start_anew(connection))
            while not self._closing:
                self._woken.clear()
                self._guarded(lambda: self._work(connection))
                self._guarded(lambda: self._sleep(connection))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
            self._report("commitment-fault", error)
            self._woken.wait(1.0)

    def _sleep(self, connection: sqlite3.Connection) -> None:
        due_at = commitments.next_due(connection)
        pause = _LONGEST_SLEEP_SECONDS if due_at is None else max(due_at - self._clock(), 0.0)
        self._woken.wait(min(pause, _LONGEST_SLEEP_SECONDS))

    def _work(self, connection: sqlite3.Connection) -> None:
        while not self._closing and (one := commitments.due(connection, self._clock())) is not None:
            try:
                if one.state == "requested":
                    self._judge(connection, one)
                else:
                    self._tell_requester(connection, one)
            except Exception:
                with transaction(connection):  # it must not stand in the way of all others
                    commitments.wait(connection, one.id, self._clock() + FAULT_SECONDS)
                raise

    def _judge(self, connection: sqlite3.Connection, one: Commitment) -> None:
        sender = self._peers().senders.get(one.peer)
        now = self._clock()
        verdict = judge(self._layout, connection, one, sender=sender, is_on_its_way=self._is_on_its_way, now=now)
        if verdict is None:
            with transaction(connection):
                commitments.wait(connection, one.id, now + ON_ITS_WAY_SECONDS)
            return
        if verdict.kept_until is not None:  # another ledger than this one must know of it before the requester does
            self._note(one, kept_until=verdict.kept_until)
        with transaction(connection):
            commitments.judged(connection, one.id, verdict.failures, verdict.kept_until, now)
            commitments.wait(connection, one.id, one.received_at + SETTLE_SECONDS)
        if verdict.damaged:
            self._tell(one, "commitment-damaged", ", ".join(sorted(set(verdict.damaged))[:4]))
        if verdict.failures:
            off = sender is None or sender.sends.storage_commitment is None
            reasons = failures_in_words(list(verdict.failures.values()))
            self._tell(one, "commitment-off" if off else "commitment-failed", reasons)

    def _tell_requester(self, connection: sqlite3.Connection, one: Commitment) -> None:
        peer = self._peers().peers.get(one.peer)
        if peer is None:
            self._failed(connection, one, "no-address")
            return
        if one.kept_until is not None and self._is_late(connection, one, one.kept_until):
            self._withdraw(connection, one)
        try:
            self._send(peer, one.transaction_uid, commitments.instances(connection, one.id))
        except PeerError as error:
            self._failed(connection, one, error.code)
            return
        now = self._clock()
        with transaction(connection):
            commitments.reported(connection, one.id, now)
        self._note(one, reported_at=now)

    def _is_late(self, connection: sqlite3.Connection, one: Commitment, kept_until: float) -> bool:
        """Whether more of the promised days are over than are left: who deletes now would rely on the days gone."""
        now = self._clock()
        return kept_until - now < now - commitments.judged_at(connection, one.id)

    def _withdraw(self, connection: sqlite3.Connection, one: Commitment) -> None:
        """Let a success that nobody has heard in time become failure; who still needs it asks anew."""
        with transaction(connection):
            named = commitments.instances(connection, one.id)
            failures = {each.number: each.failure or PROCESSING_FAILURE for each in named}
            commitments.judged(connection, one.id, failures, None, self._clock())
        self._tell(one, "commitment-late", failures_in_words(list(failures.values())))

    def _note(self, one: Commitment, *, kept_until: float | None = None, reported_at: float | None = None) -> None:
        """Keep beside the ledger what must outlive it; the latest date of all that were promised.

        Raises:
            OSError: it cannot be written.
        """
        path = self._layout.commitment_of(one.id)
        kept = CommitmentRequest.read(path)
        if kept is not None:
            until = max((at for at in (kept.kept_until, kept_until) if at is not None), default=None)
            kept.model_copy(update={"kept_until": until, "reported_at": reported_at}).write(path)

    def _failed(self, connection: sqlite3.Connection, one: Commitment, code: str) -> None:
        now = self._clock()
        again_at = now + BACKOFF_SECONDS[min(one.attempts, len(BACKOFF_SECONDS) - 1)]
        with transaction(connection):
            commitments.not_reported(connection, one.id, code, again_at, now)
            commitments.postpone(connection, one.peer, again_at)
        self._tell(one, "commitment-no-address" if code == "no-address" else "commitment-not-reported", code)


def _start_anew(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        commitments.start_anew(connection)
