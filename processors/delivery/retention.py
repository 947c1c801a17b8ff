"""Removes what has arrived everywhere and stayed its time, and only then; `delivery.json` and the sidecars stay.

1. Candidates are deliveries that are settled: each shipment confirmed, closed or quarantined, or the whole ended by a
   person. What is parked, or on its way, is none, whatever its age.
2. Of each candidate `retention_until` says the date, by the site's days for its peer and its rules, and by promises.
3. Originals that a person may still ask for stay: withheld ones until they are ended, and all versions under one SOP
   Instance UID until somebody decided which counts.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from processors.delivery.errors import UnknownDeliveryError
from processors.delivery.package import package_path
from processors.delivery.pinned import Route
from processors.delivery.workplace import Workplace
from processors.landing.delivery import read_delivery
from processors.landing.errors import DeliveryUnreadableError
from processors.landing.results import Ended
from processors.landing.retention import DAY_SECONDS, Standing, retention_until
from processors.ledger import results
from processors.ledger.promises import promised_until
from processors.ledger.schema import record_event, transaction
from processors.ledger.shipments import Shipment
from processors.ledger.variants import UNDECIDED

_Named = tuple[str | None, tuple[str, ...]]
AT_ONCE: Final = 100
"""Deliveries that one sweep removes; the rest waits for the next."""

_SETTLED = """
    SELECT d.rowid AS number, d.id, d.sealed_at, d.bytes,
        max(coalesce((SELECT max(s.terminal_at) FROM shipments s WHERE s.delivery_id = d.id), 0.0),
            coalesce((SELECT max(e.at) FROM events e WHERE e.subject = d.id AND e.event = 'discarded'), 0.0))
        AS settled_at
    FROM deliveries d
    WHERE d.removed_at IS NULL AND d.state IN ('terminal', 'parked') AND d.rowid > ?1 AND (?2 IS NULL OR d.id = ?2)
      AND (d.state = 'terminal' OR d.reason LIKE 'discarded%')
      AND NOT EXISTS (SELECT 1 FROM shipments s WHERE s.delivery_id = d.id
                      AND s.state NOT IN ('confirmed', 'closed', 'quarantined') AND d.state = 'terminal')
    ORDER BY d.rowid LIMIT 500
"""

_ONE = """
    SELECT d.sealed_at,
        max(coalesce((SELECT max(s.terminal_at) FROM shipments s WHERE s.delivery_id = d.id), 0.0),
            coalesce((SELECT max(e.at) FROM events e WHERE e.subject = d.id AND e.event = 'discarded'), 0.0))
        AS settled_at,
        (d.state = 'parked' AND d.reason LIKE 'discarded%') OR (d.state = 'terminal' AND NOT EXISTS (
            SELECT 1 FROM shipments s WHERE s.delivery_id = d.id
            AND s.state NOT IN ('confirmed', 'closed', 'quarantined'))) AS is_settled
    FROM deliveries d WHERE d.id = ?
"""

_REMOVABLE = f"""
    SELECT i.file, i.size FROM instances i WHERE i.delivery_id = ?1 AND i.file IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM shipment_instances si WHERE si.instance_id = i.id AND si.state = 'withheld'
        AND si.reason NOT LIKE 'discarded%')
    AND (?2 OR NOT ({UNDECIDED}))
"""  # noqa: S608 - no value enters it


@dataclass(frozen=True, slots=True)
class Ripe:
    """A delivery whose time is over."""

    delivery_id: str
    until: float
    """Since when it may go, Unix seconds."""
    instances: int
    """How many originals go; others of it may stay."""
    size: int
    """Bytes of their data sets."""


def after_confirmation(place: Workplace, shipment: Shipment, *, terminal: bool) -> None:
    """Remove what the site's settings say need not stay once a receipt was verified."""
    if place.site.retention.packages == "until-confirmed":
        package_path(place.delivery_folder(shipment.delivery_id), shipment.id).unlink(missing_ok=True)
    if terminal and place.site.retention.shortest_days == 0:
        sweep(place, shipment.delivery_id)


def ripe(place: Workplace, delivery_id: str | None = None) -> Iterator[Ripe]:
    """The deliveries (or this one) that may go now, oldest first. Changes nothing."""
    now = place.clock()
    last = 0
    while rows := place.ledger.execute(_SETTLED, (last, delivery_id)).fetchall():
        for row in rows:
            last = row["number"]
            # Most are young: their delivery.json need not be read.
            if max(row["settled_at"], row["sealed_at"]) + place.site.retention.shortest_days * DAY_SECONDS > now:
                continue
            try:
                until = retention_until(_standing(place, row["id"], _named_for_good), place.site.retention)
            except DeliveryUnreadableError:  # whose it is cannot be read, so how long it stays is unknown: it stays
                continue
            if until <= now:
                going = _removable(place, row["id"])
                yield Ripe(row["id"], until, len(going), sum(one["size"] for one in going))


def standing(place: Workplace, delivery_id: str) -> Standing:
    """What decides how long a delivery stays, by the ledger and by what lies beside the delivery.

    Raises:
        UnknownDeliveryError: the ledger has no such delivery.
        DeliveryUnreadableError: its `delivery.json` is missing or damaged.
    """
    return _standing(place, delivery_id, _named)


def _standing(place: Workplace, delivery_id: str, named: Callable[[Path], _Named]) -> Standing:
    row = place.ledger.execute(_ONE, (delivery_id,)).fetchone()
    if row is None:
        raise UnknownDeliveryError
    peer, rules = named(place.delivery_folder(delivery_id))
    return Standing(
        sealed_at=row["sealed_at"],
        settled_at=row["settled_at"] if row["is_settled"] else None,
        peer=peer,
        rules=rules,
        promised_until=promised_until(place.ledger, delivery_id),
    )


def sweep(place: Workplace, delivery_id: str | None = None, most: int = AT_ONCE) -> int:
    """Remove originals and packages of deliveries (or of this one) that all destinations have had for long enough.

    Returns how many deliveries were swept, `most` of them at most.
    """
    done = 0
    for each in ripe(place, delivery_id):
        done += _remove(place, each.delivery_id)
        if done >= most:
            break
    return done


def sweep_results(place: Workplace) -> int:
    """Remove objects of results that ended long enough ago: their PACS has them, or a person wants none.

    The claim and how it ended stay as the record.
    """
    before = place.clock() - place.site.retention.originals_days * DAY_SECONDS
    rows = [row for row in results.of_state(place.ledger, "sent") if row.file and (row.sent_at or 0.0) <= before]
    rows += [
        row for row in results.of_state(place.ledger, "closed") if _closed_before(place.layout.result(row.id), before)
    ]
    for row in rows[:AT_ONCE]:
        for file in place.layout.result(row.id).glob("*.dcm"):
            file.unlink(missing_ok=True)
        results.removed(place.ledger, row.id, place.clock())
    return len(rows[:AT_ONCE])


def sweep_inbox(place: Workplace) -> int:
    """Remove what was fetched again although it is kept: a poll may overtake the acknowledgement of the one before."""
    inbox = place.layout.results_inbox
    known = [file for file in inbox.iterdir() if results.get(place.ledger, file.name)] if inbox.is_dir() else []
    for file in known:
        with suppress(OSError):
            file.unlink()
    return len(known)


def _closed_before(folder: Path, before: float) -> bool:
    ended = Ended.read(folder)
    return ended is not None and ended.at <= before and any(folder.glob("*.dcm"))


def _removable(place: Workplace, delivery_id: str) -> list[sqlite3.Row]:
    newest_counts = place.site.retention.variants == "newest"
    return place.ledger.execute(_REMOVABLE, (delivery_id, newest_counts)).fetchall()


def _named(folder: Path) -> _Named:
    """Who sent a delivery, and the rules that held for it so far."""
    route = Route.read(folder)
    return read_delivery(folder).sender, route.rules if route else ()


_named_for_good = lru_cache(maxsize=100_000)(_named)
"""Of settled deliveries, where neither changes: a site that keeps a year would read them all at each sweep."""


def _remove(place: Workplace, delivery_id: str) -> bool:
    """Remove what may go; False if its sender was promised it meanwhile.

    Under the ledger's write lock, as storage commitment promises first and then reads the files: whichever is first,
    the other sees it. What a crash leaves undone is done by the next sweep.
    """
    folder = place.delivery_folder(delivery_id)
    with transaction(place.ledger) as ledger:
        if (promised_until(ledger, delivery_id) or 0.0) > place.clock():
            return False
        for row in _removable(place, delivery_id):
            (folder / row["file"]).unlink(missing_ok=True)
        for package in folder.glob("*.zip"):
            package.unlink(missing_ok=True)
        ledger.execute("UPDATE deliveries SET removed_at = ? WHERE id = ?", (place.clock(), delivery_id))
        record_event(ledger, place.clock(), delivery_id, "removed")
    return True
