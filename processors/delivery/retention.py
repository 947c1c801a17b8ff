"""Removes what has arrived everywhere, and only then; `delivery.json` and the sidecars stay as the record."""

from contextlib import suppress
from pathlib import Path

from processors.delivery.package import package_path
from processors.delivery.workplace import Workplace
from processors.landing.results import Ended
from processors.ledger import results
from processors.ledger.schema import record_event, transaction
from processors.ledger.shipments import Shipment

_DAY_SECONDS = 86400.0
_AT_ONCE = 100
"""Deliveries of one sweep; the rest waits for the next."""

_RIPE = """
    SELECT d.id FROM deliveries d
    WHERE d.state = 'terminal' AND (?1 IS NULL OR d.id = ?1)
      AND NOT EXISTS (SELECT 1 FROM events e WHERE e.subject = d.id AND e.event = 'removed')
      AND NOT EXISTS (SELECT 1 FROM shipments s WHERE s.delivery_id = d.id
                      AND (s.state NOT IN ('confirmed', 'closed', 'quarantined') OR s.terminal_at > ?2))
    LIMIT ?3
"""

_REMOVABLE = """
    SELECT file FROM instances i WHERE delivery_id = ? AND NOT EXISTS (
        SELECT 1 FROM shipment_instances si JOIN shipments s ON s.id = si.shipment_id
        WHERE si.instance_id = i.id AND si.state = 'withheld')
"""


def after_confirmation(place: Workplace, shipment: Shipment, *, terminal: bool) -> None:
    """Remove what the site's settings say need not stay once a receipt was verified."""
    if place.site.retention.packages == "until-confirmed":
        package_path(place.delivery_folder(shipment.delivery_id), shipment.id).unlink(missing_ok=True)
    if terminal and place.site.retention.originals_days == 0:
        sweep(place, shipment.delivery_id)


def sweep(place: Workplace, delivery_id: str | None = None) -> int:
    """Remove originals and packages of deliveries (or of this one) that all destinations have had for long enough.

    Originals of withheld instances stay: a person may release them. Returns how many deliveries were swept.
    """
    before = place.clock() - place.site.retention.originals_days * _DAY_SECONDS
    ripe = [row[0] for row in place.ledger.execute(_RIPE, (delivery_id, before, _AT_ONCE))]
    for each in ripe:
        _remove(place, each)
    return len(ripe)


def sweep_results(place: Workplace) -> int:
    """Remove objects of results that ended long enough ago: their PACS has them, or a person wants none.

    The claim and how it ended stay as the record.
    """
    before = place.clock() - place.site.retention.originals_days * _DAY_SECONDS
    ripe = [row for row in results.of_state(place.ledger, "sent") if row.file and (row.sent_at or 0.0) <= before]
    ripe += [
        row for row in results.of_state(place.ledger, "closed") if _closed_before(place.layout.result(row.id), before)
    ]
    for row in ripe[:_AT_ONCE]:
        for file in place.layout.result(row.id).glob("*.dcm"):
            file.unlink(missing_ok=True)
        results.removed(place.ledger, row.id, place.clock())
    return len(ripe[:_AT_ONCE])


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


def _remove(place: Workplace, delivery_id: str) -> None:
    folder = place.delivery_folder(delivery_id)
    for row in place.ledger.execute(_REMOVABLE, (delivery_id,)).fetchall():
        (folder / row["file"]).unlink(missing_ok=True)
    for package in folder.glob("*.zip"):
        package.unlink(missing_ok=True)
    with transaction(place.ledger) as ledger:
        record_event(ledger, place.clock(), delivery_id, "removed")
