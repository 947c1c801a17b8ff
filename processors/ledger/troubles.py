"""Rows of `troubles`: associations that were refused, aborted or odd, each cause once a day for each caller, counted.

The words for a cause are not kept: `processors.dicom.causes` has them.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_ROWS: Final = 20_000
"""The oldest go beyond that: who scans ports with random AE titles must not fill the disk."""
_LONGEST: Final = 512
_DAY_SECONDS: Final = 86400


@dataclass(frozen=True, slots=True)
class Trouble:
    """One association, or attempt at one. Empty is what was not heard."""

    at: float
    """Unix seconds."""
    cause: str
    peer: str = ""
    calling_ae: str = ""
    called_ae: str = ""
    address: str = ""
    detail: str = ""
    association_id: str | None = None


@dataclass(frozen=True, slots=True)
class CountedTrouble:
    """The same trouble, as often as it came in one day (UTC); `trouble` is the last of them."""

    trouble: Trouble
    count: int
    first_at: float


def add(connection: sqlite3.Connection, trouble: Trouble) -> None:
    """Count a trouble, inside a transaction."""
    connection.execute(
        """
        INSERT INTO troubles (day, cause, peer, calling_ae, called_ae, address, detail, association_id, count, first_at,
            last_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)
        ON CONFLICT (day, cause, peer, calling_ae, called_ae, address, detail) DO UPDATE SET count = count + 1,
            association_id = excluded.association_id, last_at = max(last_at, excluded.last_at)
        """,
        (
            int(trouble.at // _DAY_SECONDS),
            trouble.cause,
            trouble.peer,
            trouble.calling_ae[:_LONGEST],
            trouble.called_ae[:_LONGEST],
            trouble.address,
            trouble.detail[:_LONGEST],
            trouble.association_id,
            trouble.at,
            trouble.at,
        ),
    )
    connection.execute("DELETE FROM troubles WHERE id <= (SELECT max(id) FROM troubles) - ?", (MOST_ROWS,))


def newest(
    connection: sqlite3.Connection, *, since: float = 0.0, peer: str | None = None, most: int = 100
) -> Iterator[CountedTrouble]:
    """The latest troubles first.

    Args:
        connection: The ledger.
        since: Unix seconds; none that ended before.
        peer: Only those of this peer, by its name or a calling AE title; None for all.
        most: No more than so many.
    """
    rows = connection.execute(
        "SELECT * FROM troubles WHERE last_at >= ? AND (? IS NULL OR peer = ? OR calling_ae = ?)"
        " ORDER BY last_at DESC, id DESC LIMIT ?",
        (since, peer, peer, peer, most),
    )
    for row in rows:
        last = Trouble(
            at=row["last_at"],
            cause=row["cause"],
            peer=row["peer"],
            calling_ae=row["calling_ae"],
            called_ae=row["called_ae"],
            address=row["address"],
            detail=row["detail"],
            association_id=row["association_id"],
        )
        yield CountedTrouble(last, row["count"], row["first_at"])


def counts(connection: sqlite3.Connection, since: float) -> list[tuple[str, str, int]]:
    """Caller (the peer's name, else its AE title, else its address), cause and how often, the most frequent first."""
    rows = connection.execute(
        """
        SELECT coalesce(nullif(peer, ''), nullif(calling_ae, ''), address) AS caller, cause, sum(count) AS times
        FROM troubles WHERE last_at >= ? GROUP BY caller, cause ORDER BY times DESC, caller, cause
        """,
        (since,),
    )
    return [(row["caller"], row["cause"], row["times"]) for row in rows]
