"""The receiver's one writer to the ledger: a thread, so that no C-STORE ever waits on the database.

What it has not committed when the process dies is in the landing, from where recovery brings it in. So a commit here
waits for no disk: a power cut may take the last transactions, whole ones and in order, and the next start makes them
anew. Whoever acts on a row of the ledger commits with a sync of its own, which takes along all that came before.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final

from processors.ledger.schema import connect

Work = Callable[[sqlite3.Connection], None]
_LONGEST_PAUSE_SECONDS: Final = 5.0


class LedgerWriter:
    """Does work on the ledger in the order in which it was submitted; each work makes its own transactions."""

    def __init__(self, path: Path, report: Callable[[str, BaseException], None]) -> None:
        """Open the ledger and start the thread.

        Args:
            path: The ledger file.
            report: Called with an event and the error when work must be tried again or is given up.

        Raises:
            LedgerUnreadableError: the ledger cannot be opened; raised here, where someone hears it.
            LedgerTooNewError: a later Sluice wrote it.
        """
        self._connection = connect(path, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._report = report
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._closing = Event()
        # A start that fails further on must end the process; `close` waits for what was submitted.
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Have `work` done soon; it is tried again until the database takes it, so it must bear repetition."""
        self._queue.put(work)

    @property
    def waiting(self) -> int:
        """How much of it is not done yet."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finish what was submitted and end. What the database still refuses is left to the next start's recovery."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (work := self._queue.get()) is not None:
                self._do(self._connection, work)
        finally:
            self._connection.close()

    def _do(self, connection: sqlite3.Connection, work: Work) -> None:
        pause = 0.1
        while True:
            try:
                work(connection)
            except (sqlite3.Error, OSError) as error:
                self._report("ledger-retry", error)
                if self._closing.wait(pause):
                    return
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - the outermost loop of this thread; recovery enters what this did not
                self._report("ledger-fault", error)
                return
            else:
                return
