"""A sealed delivery whose folder somebody has deleted: it waits for a person, who puts it back or ends it.

Trying again would go on for ever, as nothing of ours removes a folder. What can only be a landing that is not mounted
is no such case.
"""

import sqlite3

from processors.delivery.workplace import Workplace
from processors.landing.deleted import FILES_MISSING
from processors.landing.delivery import is_sealed
from processors.ledger import shipments, troubles
from processors.ledger.schema import transaction
from processors.ledger.shipments import Shipment
from processors.ledger.troubles import Trouble


def is_missing(place: Workplace, delivery_id: str) -> bool:
    """Whether the landing is there and the delivery is not in it."""
    return not is_sealed(place.delivery_folder(delivery_id)) and place.layout.deliveries.is_dir()


def park(place: Workplace, delivery_id: str) -> str:
    """Have a delivery that was never routed wait; returns the reason."""
    with transaction(place.ledger) as ledger:
        shipments.park_delivery(ledger, delivery_id, FILES_MISSING, place.clock())
        _tell(ledger, delivery_id, place.clock())
    return FILES_MISSING


def hold(place: Workplace, shipment: Shipment) -> str:
    """Have a shipment of it wait; returns the reason, as a code."""
    with transaction(place.ledger) as ledger:
        shipments.hold(ledger, shipment, FILES_MISSING, place.clock())
        _tell(ledger, shipment.delivery_id, place.clock())
    return FILES_MISSING.removeprefix("held:")


def _tell(ledger: sqlite3.Connection, delivery_id: str, now: float) -> None:
    row = ledger.execute(
        "SELECT d.instance_count, d.association_id, a.calling_ae, a.called_ae, a.peer FROM deliveries d"
        " JOIN associations a ON a.id = d.association_id WHERE d.id = ?",
        (delivery_id,),
    ).fetchone()
    troubles.add(
        ledger,
        Trouble(
            at=now,
            cause="files-missing",
            calling_ae=row["calling_ae"],
            called_ae=row["called_ae"],
            address=row["peer"],
            detail=f"{row['instance_count']} objects, delivery {delivery_id}",
            association_id=row["association_id"],
        ),
    )
