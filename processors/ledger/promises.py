"""Until when a delivery was promised to its sender: events of the ledger, the latest date holds."""

import math
import sqlite3
from typing import Final

from processors.ledger.schema import record_event

PROMISED: Final = "promised-until"


def promise(connection: sqlite3.Connection, delivery_id: str, until: float, now: float) -> None:
    """Promise, inside a transaction, that no original of a delivery is removed before `until` (Unix seconds).

    To be committed before the sender is told. A promise is never taken back; an earlier date changes nothing.
    """
    if (already := promised_until(connection, delivery_id)) is None or until > already:
        record_event(connection, now, delivery_id, PROMISED, str(math.ceil(until)))


def promised_until(connection: sqlite3.Connection, delivery_id: str) -> float | None:
    """The latest date that was promised, Unix seconds; None when none was."""
    row = connection.execute(
        "SELECT max(CAST(detail AS INTEGER)) FROM events WHERE subject = ? AND event = ?", (delivery_id, PROMISED)
    ).fetchone()
    return None if row[0] is None else float(row[0])
