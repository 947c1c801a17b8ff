"""What lies in the landing and is not confirmed everywhere: how much, how old, and how much nobody has picked up."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of sealed deliveries."""

    deliveries: int
    objects: int
    bytes: int
    """Of data sets."""
    waiting: int
    """Deliveries that NiFi has not taken up yet."""
    oldest_sealed_at: float | None
    """Unix seconds; None if all is confirmed."""


def backlog(connection: sqlite3.Connection) -> Backlog:
    """The backlog now; parked deliveries, which wait for a person, are part of it until that person has ended them.

    By an index of those whose originals are here: it costs what is unconfirmed, not what ever came.
    """
    row = connection.execute(
        """
        SELECT count(*), coalesce(sum(instance_count), 0), coalesce(sum(bytes), 0),
            coalesce(sum(state IN ('sealed', 'announced')), 0), min(sealed_at)
        FROM deliveries
        WHERE removed_at IS NULL AND state IN ('open', 'sealed', 'announced', 'seen', 'routed', 'parked')
            AND NOT (state = 'parked' AND coalesce(reason, '') LIKE 'discarded%')
        """
    ).fetchone()
    return Backlog(*row)
