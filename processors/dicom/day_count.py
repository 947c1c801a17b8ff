"""What a peer has sent this day before it was counted in memory: before a restart, or before it had a limit."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from processors.ledger.callers import Callers
from processors.ledger.errors import LedgerError
from processors.ledger.schema import connect_readonly
from processors.peers import Peers

DAY_SECONDS: Final = 86400.0
_SENT: Final = """
    SELECT a.calling_ae, a.peer AS address, sum(i.size) AS bytes
    FROM instances i INDEXED BY instances_received JOIN associations a ON a.id = i.association_id
    WHERE i.received_at >= ? GROUP BY a.calling_ae, a.peer
"""


class DayCount:
    """Bytes by peer, as the ledger has them. Any thread."""

    def __init__(self, ledger: Path, peers: Callable[[], Peers], clock: Callable[[], float] = time.time) -> None:
        """Count now, so that nobody waits for it later.

        Args:
            ledger: The ledger file.
            peers: Whose names to use.
            clock: Unix seconds.
        """
        self._ledger, self._peers, self._clock = ledger, peers, clock
        self._day, self._counted = self._count()

    def of(self, peer: str, *, anew: bool = False) -> int:
        """Bytes of this day (UTC) that a peer sent; with `anew` those since we began are among them."""
        if anew:
            self._day, self._counted = self._count()
        return self._counted[peer] if self._day == int(self._clock() // DAY_SECONDS) else 0

    def _count(self) -> tuple[int, Counter[str]]:
        day, found = int(self._clock() // DAY_SECONDS), Counter[str]()
        callers = Callers(self._peers())
        try:
            with closing(connect_readonly(self._ledger)) as ledger:
                for row in ledger.execute(_SENT, (day * DAY_SECONDS,)):
                    found[callers.name(row["calling_ae"], row["address"]).name] += row["bytes"]
        except (LedgerError, sqlite3.Error):
            pass  # who starts without a ledger has nothing to count; a fault in it is told where it is written to
        return day, found
