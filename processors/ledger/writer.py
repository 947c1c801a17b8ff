"""The receiver's one writer to the ledger: a thread, so that no C-STORE ever waits on the database.

What it has not committed when the process dies is in the landing, from where recovery brings it in. So a commit here
waits for no disk: a power cut may take the last transactions, whole ones and in order, and the next start makes them
anew. Whoever acts on a row of the ledger commits with a sync of its own, which takes along all that came before.

What comes within a moment is done together, since each transaction and each sync costs about as much as all that is in
it:
    1. Each work prepares its files; they are synced together.
    2. All of them are entered, in their order, in one transaction.
    3. Then each is told that it is.
If any of that fails, each work is done alone, in their order, so that one that cannot be done stops no other: what the
database refuses for good is given up, and left to recovery. What only a person can mend, such as a damaged file, is
tried again for ever; `is_broken` says so meanwhile, and whoever submits should do so no more.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Final

from processors.landing.together import WrittenTogether
from processors.ledger.curable import cure_of
from processors.ledger.schema import connect, transaction

GATHER_SECONDS: Final = 0.1
"""So long others may come that are done together with the first one."""
MOST_ROWS: Final = 2048
"""Of one transaction, about: whoever else writes to the ledger waits for it."""
_LONGEST_PAUSE_SECONDS: Final = 5.0

Enter = Callable[[sqlite3.Connection], object]


@dataclass(frozen=True, slots=True)
class Work:
    """Something to be entered. Each step is repeated until it is done, so it must bear repetition."""

    enter: Enter
    """Writes its rows, inside a transaction that may be rolled back."""
    prepare: Callable[[WrittenTogether], object] | None = None
    """Asks for the files that must be durable before the rows are written."""
    then: Callable[[], object] | None = None
    """Called when the rows are committed, and never before."""
    given_up: Callable[[], object] | None = None
    """Called instead when they never will be by this writer; raises nothing."""
    rows: int = 1
    """How many it writes, about; what it holds in memory meanwhile grows with them."""


class LedgerWriter:
    """Does work on the ledger in the order in which it was submitted."""

    def __init__(
        self,
        path: Path,
        report: Callable[[str, BaseException], None],
        entered: Callable[[], object] = lambda: None,
    ) -> None:
        """Open the ledger and start the thread.

        Args:
            path: The ledger file.
            report: Called with an event and the error when work must be tried again (`ledger-retry`, `ledger-broken`)
                or is given up (`ledger-fault`).
            entered: Called after something was committed.

        Raises:
            LedgerUnreadableError: the ledger cannot be opened; raised here, where someone hears it.
            LedgerTooNewError: a later Sluice wrote it.
        """
        self._connection = connect(path, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._report, self._entered = report, entered
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._counting = Lock()
        self._rows_waiting = 0
        self._closing = Event()
        self._is_last = self._is_refused = False
        self.is_broken = False
        """Whether nothing can be entered before somebody has mended the ledger."""
        # A start that fails further on must end the process; `close` waits for what was submitted.
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work | Enter) -> None:
        """Have `work` done soon; it is tried again until disk and database take it, unless they never will."""
        one = work if isinstance(work, Work) else Work(work)
        with self._counting:
            self._rows_waiting += one.rows
        self._queue.put(one)

    @property
    def waiting(self) -> int:
        """How many rows of it are not written yet, about."""
        return self._rows_waiting

    def close(self) -> None:
        """Finish what was submitted and end. What the database still refuses is left to the next start's recovery."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while not (self._is_last or self._is_refused):
                self._do_all(self._gather())
            while not (self._is_refused or self._queue.empty()):  # told of what was the last
                self._do_all(self._gather())
        finally:
            self._connection.close()

    def _do_all(self, works: Sequence[Work]) -> None:
        """A step of its own, so that none of it is held while the next is waited for."""
        if len(works) < 2 or not self._do_together(works):
            for work in works:
                self._do(work)
                self._is_over(work)
        else:
            self._is_over(*works)

    def _is_over(self, *works: Work) -> None:
        with self._counting:
            self._rows_waiting -= sum(work.rows for work in works)

    def _gather(self) -> list[Work]:
        """What comes within a moment of the first, in its order."""
        first = self._queue.get()
        if first is not None and not self._is_last:
            self._closing.wait(GATHER_SECONDS)
        works, rows, following = [], 0, first
        while following is not None:
            works.append(following)
            rows += following.rows
            if rows >= MOST_ROWS:
                return works
            try:
                following = self._queue.get_nowait()
            except Empty:
                return works
        self._is_last = True
        return works

    def _do_together(self, works: Sequence[Work]) -> bool:
        try:
            self._enter(works)
        except Exception:  # noqa: BLE001 - whose fault it is, and what it is, is found when each is done alone
            return False
        self._tell(works)
        return True

    def _do(self, work: Work) -> None:
        if not self._is_refused and self._is_done(lambda: self._enter([work])):
            self._tell([work])
        elif work.given_up is not None:
            work.given_up()

    def _is_done(self, step: Callable[[], object]) -> bool:
        """Do a step until it is done; False if it was given up."""
        pause = 0.1
        while True:
            try:
                step()
            except Exception as error:  # noqa: BLE001 - the outermost loop of this thread; recovery enters what this did not
                cure = cure_of(error)
                if cure == "none":
                    self._report("ledger-fault", error)
                    return False
                self.is_broken = cure == "person"
                self._report("ledger-broken" if self.is_broken else "ledger-retry", error)
                if self._closing.wait(pause):
                    self._is_refused = isinstance(error, sqlite3.Error)  # each entry would wait as long
                    return False
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self.is_broken = False
                return True

    def _enter(self, works: Sequence[Work]) -> None:
        with WrittenTogether() as files:
            for work in works:
                if work.prepare is not None:
                    work.prepare(files)
        with transaction(self._connection):
            for work in works:
                work.enter(self._connection)

    def _tell(self, works: Sequence[Work]) -> None:
        for then in [*(work.then for work in works), self._entered]:
            if then is not None:
                self._is_done(then)
