"""What lies in the landing, by the state that it is in: sizes from the ledger, so that a full landing is told at once.

Sizes are those of data sets as received; what a Part 10 file has before them, and sidecars, are not counted. Only open
deliveries, of which the ledger has no rows yet, are looked at on the disk: as many as associations send just now.

| state | means |
|---|---|
| open | an association is still sending it |
| sealed | NiFi has not routed it yet |
| routed | a destination's package is not made yet |
| unconfirmed | packages are made or sent; a signed receipt is missing |
| confirmed | settled at every destination; retention waits for its day |
| ended | a person ended it; retention waits for its day |
| held | waits for a person; the reason says for what |
"""

import os
import sqlite3
from dataclasses import dataclass
from typing import Final

from processors.landing.layout import Layout
from processors.landing.retention import DAY_SECONDS

WINDOW_DAYS: Final = 7.0
"""Growth is that of the last so many days."""
_SHORTEST_SECONDS: Final = 3600.0
"""Growth over less than this would be a guess."""
STATES: Final = ("open", "sealed", "routed", "unconfirmed", "confirmed", "ended", "held")
WITHHELD: Final = "withheld"
REJECTED: Final = "rejected"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the landing."""

    state: str
    reason: str | None
    """For `held`: a code of the ledger, as `unmatched`, `held:mixed`, `rejected:conflict` or `withheld`."""
    deliveries: int
    instances: int
    size: int
    """Bytes."""
    oldest_at: float | None
    """When the oldest was sealed, Unix seconds."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """The landing at one moment. Sizes are bytes, times Unix seconds."""

    parts: tuple[Part, ...]
    packages: int
    """Bytes of packages that lie beside their originals."""
    oldest_unconfirmed_at: float | None
    """When the oldest delivery that is still on its way was sealed; what waits for a person is not counted."""
    received_per_day: float
    removed_per_day: float
    free: int
    reserve: int
    total: int

    @property
    def days_to_full(self) -> float | None:
        """Days until the reserve is reached if all goes on as in the last week; None if it does not grow."""
        return self._days(self.received_per_day - self.removed_per_day)

    @property
    def days_to_full_unconfirmed(self) -> float | None:
        """Days until the reserve is reached if nothing were confirmed, or removed, from now on."""
        return self._days(self.received_per_day)

    @property
    def size(self) -> int:
        """Bytes of all originals and packages."""
        return sum(part.size for part in self.parts) + self.packages

    def _days(self, per_day: float) -> float | None:
        return max(self.free - self.reserve, 0) / per_day if per_day > 0 else None


_PARTS: Final = """
    SELECT CASE
            WHEN d.state = 'parked' AND d.reason LIKE 'discarded%' THEN 'ended'
            WHEN d.state = 'parked' THEN 'held'
            WHEN d.state IN ('sealed', 'announced', 'seen') THEN 'sealed'
            WHEN d.state = 'terminal' THEN iif(max(s.state = 'parked'), 'held', 'confirmed')
            WHEN s.id IS NULL OR max(s.state = 'routed') THEN 'routed'
            ELSE 'unconfirmed'
        END AS state,
        CASE
            WHEN d.state = 'parked' AND d.reason NOT LIKE 'discarded%' THEN d.reason
            WHEN d.state = 'terminal' THEN max(iif(s.state = 'parked', coalesce(s.reason, 'rejected'), NULL))
        END AS reason,
        d.instance_count AS instances, d.bytes AS size, d.sealed_at AS sealed_at,
        total(iif(s.state IN ('packaged', 'confirmed', 'parked'), s.package_size, 0)) AS packages
    FROM deliveries d LEFT JOIN shipments s ON s.delivery_id = d.id
    WHERE d.removed_at IS NULL GROUP BY d.rowid
"""

_SUMS: Final = f"""
    SELECT state, reason, count(*) AS deliveries, sum(instances) AS instances, sum(size) AS size,
        min(sealed_at) AS oldest_at, sum(packages) AS packages
    FROM ({_PARTS}) GROUP BY state, reason
"""  # noqa: S608 - no value enters it

_WITHHELD: Final = """
    SELECT d.removed_at IS NULL AS is_here, count(DISTINCT d.id) AS deliveries, count(*) AS instances,
        sum(i.size) AS size, min(d.sealed_at) AS oldest_at
    FROM (SELECT DISTINCT instance_id FROM shipment_instances
          WHERE state = 'withheld' AND reason NOT LIKE 'discarded%') w
    JOIN instances i ON i.id = w.instance_id JOIN deliveries d ON d.id = i.delivery_id
    WHERE d.state = 'terminal'
      AND NOT EXISTS (SELECT 1 FROM shipments s WHERE s.delivery_id = d.id AND s.state = 'parked')
    GROUP BY is_here
"""


def look(
    connection: sqlite3.Connection, layout: Layout, *, reserve: int, keeps_packages: bool, now: float
) -> Occupancy:
    """Look at the landing.

    Args:
        connection: The ledger; it is read within one transaction.
        layout: The landing.
        reserve: Bytes that must stay free, below which the receiver refuses.
        keeps_packages: Whether packages stay after their receipts.
        now: Unix seconds.
    """
    connection.execute("BEGIN")
    try:
        rows = connection.execute(_SUMS).fetchall()
        withheld = {bool(row["is_here"]): row for row in connection.execute(_WITHHELD)}
        received, removed = _growth(connection, now)
        known = _open_folders(connection, layout)
    finally:
        connection.execute("COMMIT")
    parts = [Part(**{name: row[name] for name in _FIELDS}) for row in rows]
    on_its_way = [part.oldest_at for part in parts if part.state in _ON_ITS_WAY and part.oldest_at is not None]
    disk = os.statvfs(layout.incoming)
    return Occupancy(
        parts=_in_order([*_apart(parts, withheld), *_open(layout, known)]),
        packages=int(sum(row["packages"] for row in rows if keeps_packages or row["state"] in _ON_ITS_WAY)),
        oldest_unconfirmed_at=min(on_its_way, default=None),
        received_per_day=received,
        removed_per_day=removed,
        free=disk.f_bavail * disk.f_frsize,
        reserve=reserve,
        total=disk.f_blocks * disk.f_frsize,
    )


_FIELDS: Final = ("state", "reason", "deliveries", "instances", "size", "oldest_at")
_ON_ITS_WAY: Final = frozenset({"sealed", "routed", "unconfirmed"})


def _apart(parts: list[Part], withheld: dict[bool, sqlite3.Row]) -> list[Part]:
    """Tell what is withheld apart from what is confirmed: no day ends it, but a person's word."""
    if not withheld:
        return parts
    here = withheld.get(True)
    apart = []
    for part in parts:
        if part.state == "confirmed" and here is not None:
            left = Part(
                part.state,
                part.reason,
                part.deliveries,
                part.instances - here["instances"],
                part.size - here["size"],
                part.oldest_at,
            )
            apart += [left] if left.instances else []
        else:
            apart.append(part)
    rows = list(withheld.values())
    total = {name: sum(row[name] for row in rows) for name in ("deliveries", "instances", "size")}
    return [*apart, Part("held", WITHHELD, **total, oldest_at=min(row["oldest_at"] for row in rows))]


def _growth(connection: sqlite3.Connection, now: float) -> tuple[float, float]:
    """Bytes received (and packaged) a day, and bytes removed a day."""
    since = now - WINDOW_DAYS * DAY_SECONDS
    first = connection.execute("SELECT min(opened_at) FROM associations").fetchone()[0]
    days = max(now - max(since, first if first is not None else now), _SHORTEST_SECONDS) / DAY_SECONDS
    received, removed = connection.execute(
        "SELECT total(iif(sealed_at > ?1, bytes, 0)), total(iif(removed_at > ?1, bytes, 0)) FROM deliveries", (since,)
    ).fetchone()
    return received / days, removed / days


def _open_folders(connection: sqlite3.Connection, layout: Layout) -> set[str]:
    """Deliveries that the ledger has not heard of; none if no association is open."""
    if connection.execute("SELECT 1 FROM associations WHERE ending = 'open' LIMIT 1").fetchone() is None:
        return set()
    with os.scandir(layout.deliveries) as entries:
        names = {entry.name for entry in entries}
    return names.difference(row[0] for row in connection.execute("SELECT id FROM deliveries"))


def _open(layout: Layout, names: set[str]) -> list[Part]:
    sizes = [
        file.stat().st_size for name in names for file in (layout.deliveries / name).glob("*.dcm") if file.is_file()
    ]
    sizes_of_parts = [part.stat().st_size for part in layout.parts()]
    if not sizes and not sizes_of_parts:
        return []
    return [Part("open", None, len(names), len(sizes), sum(sizes) + sum(sizes_of_parts), None)]


def _in_order(parts: list[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (STATES.index(part.state), part.reason or "")))
