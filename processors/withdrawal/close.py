"""Ends what the trusted zone does with a patient: first the tombstone, then each shipment that has not arrived."""

from collections.abc import Iterable
from typing import Final

from processors.delivery.workplace import Workplace
from processors.ledger import shipments
from processors.ledger.schema import record_event, transaction
from processors.withdrawal.find import Found

WITHDRAWN: Final = "withdrawn"
_ENDED: Final = frozenset({"confirmed", "closed", "quarantined"})
_END_WITHHELD: Final = (
    "UPDATE shipment_instances SET reason = 'discarded:' || reason WHERE shipment_id = ? AND state = 'withheld'"
    " AND reason NOT LIKE 'discarded%'"
)
"""What waits in quarantine waits no more."""
_PARK: Final = f"discarded: {WITHDRAWN}"


def tombstone(place: Workplace, patient_id: str, issuer: str, project: str | None) -> None:
    """Deny from now on, durably, before anything is looked for: what comes meanwhile finds it."""
    for each in place.merges().group(patient_id, issuer):
        place.vault.withdraw(*each, project)


def close(place: Workplace, found: Iterable[Found], by: str) -> int:
    """Close what has not arrived; how many shipments and unrouted deliveries that were now."""
    closed = 0
    for each in found:
        with transaction(place.ledger) as ledger:
            now = place.clock()
            for shipment in shipments.of_delivery(ledger, each.delivery_id):
                if shipment.id in {one.id for one in each.theirs} and shipment.state not in _ENDED:
                    shipments.close(ledger, shipment, WITHDRAWN, now)
                    record_event(ledger, now, shipment.id, WITHDRAWN, by)
                    closed += 1
            for shipment in each.theirs:
                ledger.execute(_END_WITHHELD, (shipment.id,))
            if not each.theirs and not each.others:
                closed += ledger.execute(
                    "UPDATE deliveries SET state = 'parked', reason = ?2, due_at = NULL WHERE id = ?1"
                    " AND state <> 'terminal' AND coalesce(reason, '') NOT LIKE 'discarded%'",
                    (each.delivery_id, _PARK),
                ).rowcount
            record_event(ledger, now, each.delivery_id, WITHDRAWN, by)
    return closed
