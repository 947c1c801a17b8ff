"""A shipment that was confirmed under an earlier ledger: the receipt and what was sent lie beside the delivery.

Its originals and its package may have left the landing since. It is not treated again: files that are not here any more
would be called unreadable, and a later release would make another package of those that are.
"""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from handoff.contract.canonical import canonical_json
from handoff.contract.receipt import SignedReceipt
from processors.delivery.retention import after_confirmation
from processors.delivery.workplace import Workplace
from processors.ledger import shipments
from processors.ledger.schema import record_event, transaction
from processors.ledger.shipments import Fate, Shipment

_REMOVED: Final = "before the ledger was made anew"


def confirmed_before(place: Workplace, shipment: Shipment) -> bool:
    """Enter what an earlier ledger knew of a shipment that this one knows as routed; False if nothing proves it.

    The receipt was verified before it was written; it must speak of what the sidecar says was sent.
    """
    folder = place.delivery_folder(shipment.delivery_id)
    found = _read(folder, shipment)
    if shipment.state != "routed" or found is None:
        return False
    receipt, sent = found
    fates = [Fate(file, reason) for file, reason in sent["fates"]]
    now = place.clock()
    try:
        with transaction(place.ledger) as ledger:
            shipments.package(
                ledger,
                shipment,
                sha256=sent["sha256"],
                size=sent["size"],
                treatment=canonical_json(sent["treatment"]).decode(),
                fates=fates,
                now=now,
            )
            terminal = shipments.confirm(ledger, shipment, receipt, now)
            if terminal and not any((folder / fate.file).exists() for fate in fates if not fate.reason):
                ledger.execute("UPDATE deliveries SET removed_at = ? WHERE id = ?", (now, shipment.delivery_id))
                record_event(ledger, now, shipment.delivery_id, "removed", _REMOVED)
    except KeyError:  # it names a file that the delivery has not
        return False
    after_confirmation(place, shipment, terminal=terminal)
    return True


def _read(folder: Path, shipment: Shipment) -> tuple[str, dict[str, Any]] | None:
    """The receipt, and the sidecar of the treatment; None unless both are there and agree."""
    try:
        text = (folder / f"receipt-{shipment.id}.json").read_text("utf-8")
        said = SignedReceipt.model_validate_json(text).receipt
        sent: dict[str, Any] = json.loads((folder / f"treatment-{shipment.id}.json").read_bytes())
        about = ("shipment", sent["shipment_id"], shipment.project, sent["sha256"], sent["size"])
        agrees = (said.kind, said.id, said.project, said.sha256, said.size) == about and said.id == shipment.id
    except (OSError, ValidationError, ValueError, KeyError, TypeError):
        return None
    return (text, sent) if agrees else None
