"""When each caller sent, by the ledger: quarters of an hour in which an object came, kept or refused.

What tells of objects is an association (when it began, if it brought anything, and when it ended) and, if it was longer
than a quarter or is still open, its deliveries (first object, and the seal some seconds after the last). An association
that brings nothing is no activity.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from processors.ledger.rhythm import QUARTER_SECONDS

_OF_LONG: Final = f"""
    FROM associations a JOIN deliveries d ON d.association_id = a.id
    WHERE a.opened_at >= :since AND (a.closed_at IS NULL OR a.closed_at > a.opened_at + {QUARTER_SECONDS})
        AND (:title IS NULL OR a.calling_ae = :title)
"""
_MOMENTS: Final = f"""
    SELECT calling_ae, peer, opened_at AS at FROM associations
        WHERE opened_at >= :since AND opened_at < :until AND acknowledged + refused > 0
            AND (:title IS NULL OR calling_ae = :title)
    UNION ALL
    SELECT calling_ae, peer, closed_at FROM associations
        WHERE opened_at >= :since AND closed_at < :until AND acknowledged + refused > 0
            AND (ending = 'released' OR closed_at <= opened_at + {QUARTER_SECONDS})
            AND (:title IS NULL OR calling_ae = :title)
    UNION ALL
    SELECT a.calling_ae, a.peer, d.opened_at {_OF_LONG} AND d.opened_at < :until
    UNION ALL
    SELECT a.calling_ae, a.peer, d.sealed_at {_OF_LONG} AND d.sealed_at < :until AND d.seal_reason <> 'recovered'
"""  # noqa: S608 - no value enters it

_HEARD: Final = f"""
    SELECT calling_ae, peer, CAST(at / {QUARTER_SECONDS} AS INTEGER) AS quarter, max(at) AS last_at
    FROM ({_MOMENTS}) GROUP BY calling_ae, peer, quarter
"""  # noqa: S608 - no value enters it


@dataclass(slots=True)
class Activity:
    """When one caller sent."""

    quarters: set[int] = field(default_factory=set)
    """Since 1970, UTC."""
    last_at: float = 0.0
    """Unix seconds of the last sign of an object."""

    def add(self, other: "Activity") -> None:
        """Take in what else is known of the same caller."""
        self.quarters |= other.quarters
        self.last_at = max(self.last_at, other.last_at)


Caller = tuple[str, str]
"""Calling AE title and address."""


def heard(
    ledger: sqlite3.Connection, since: float, until: float, calling_ae: str | None = None
) -> dict[Caller, Activity]:
    """What was heard in associations that began in a stretch of time.

    Args:
        ledger: The ledger.
        since: Unix seconds; the first that counts.
        until: Unix seconds; what claims to be later was written while a clock was wrong, and is left out.
        calling_ae: Of this AE title alone; None for all.
    """
    found: dict[Caller, Activity] = {}
    rows = ledger.execute(_HEARD, {"since": since, "until": until, "title": calling_ae})
    for title, address, quarter, last_at in rows:
        activity = found.setdefault((title, address), Activity())
        activity.quarters.add(quarter)
        activity.last_at = max(activity.last_at, last_at)
    return found


def last_associations(ledger: sqlite3.Connection, until: float) -> Iterator[tuple[Caller, float]]:
    """Each caller that ever brought anything, and when it last began to, as far as it was before `until`."""
    rows = ledger.execute(
        """
        SELECT calling_ae, peer, max(opened_at) FROM associations
        WHERE acknowledged + refused > 0 AND opened_at < ? GROUP BY calling_ae, peer
        """,
        (until,),
    )
    return (((row[0], row[1]), row[2]) for row in rows)
