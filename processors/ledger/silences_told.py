"""Which silences have been told, in the ledger's events: a receiver that starts again tells none of them twice."""

import sqlite3
from typing import Final

from processors.ledger.callers import CallerName
from processors.ledger.schema import record_event

_SILENT: Final = "peer-silent"
_HEARD: Final = "peer-heard"


def told(connection: sqlite3.Connection, caller: CallerName) -> float | None:
    """Since when (Unix seconds) a caller is silent, as far as that was told and its end was not."""
    row = connection.execute(
        "SELECT event, detail FROM events WHERE subject = ? AND event IN (?, ?) ORDER BY id DESC LIMIT 1",
        (_subject(caller), _SILENT, _HEARD),
    ).fetchone()
    return float(row["detail"]) if row is not None and row["event"] == _SILENT else None


def tell_begin(connection: sqlite3.Connection, caller: CallerName, at: float, since: float) -> None:
    """Write down that a silence is told, inside a transaction. Times are Unix seconds."""
    record_event(connection, at, _subject(caller), _SILENT, repr(since))


def tell_end(connection: sqlite3.Connection, caller: CallerName, at: float) -> None:
    """Write down that its end is told, inside a transaction."""
    record_event(connection, at, _subject(caller), _HEARD)


def _subject(caller: CallerName) -> str:
    return f"{'peer' if caller.is_known else 'title'}:{caller.name}"
