"""What waits in the landing for a person, and that person's word: let it go on, or end it. Both leave a trail.

| it waits because | to release means | to end means |
|---|---|---|
| no rule wanted it (`unmatched`), the rules disagreed (`held:mixed`) | the rules are asked again | it goes nowhere |
| its sender was unknown (`held:unknown-caller`) | the rules are asked, now for the first time | it goes nowhere |
| nobody allowed it for its patient (`held:consent-...`) | consent is asked again | it goes nowhere |
| its folder was deleted (`held:files-missing`) | its folder is back: it goes on where it was | it goes nowhere |
| it is unclear who the patient is (other `held:` codes) | the vault and the merge list are asked | it goes nowhere |
| the handoff refused its package (`rejected:...`) | the same package is sent once more | it is not sent |
| de-identification let nothing of it pass (`withheld`) | not possible: send the object again | its original goes |

What is ended stays for the days of retention like what was confirmed, and counts as *discarded*.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final, Literal

from processors.delivery.errors import NotHeldError, StillHeldError
from processors.delivery.package import package_path
from processors.delivery.pinned import Route
from processors.delivery.route import held_by_vault, people_of
from processors.delivery.workplace import Workplace
from processors.landing.deleted import FILES_MISSING
from processors.landing.delivery import read_delivery
from processors.landing.hold import lift
from processors.ledger import shipments
from processors.ledger.schema import record_event, transaction
from processors.ledger.shipments import Shipment

DISCARDED: Final = "discarded"
WITHHELD: Final = "withheld"
_UNKNOWN_CALLER: Final = "held:unknown-caller"


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that waits for a person."""

    id: str
    """Of the delivery, or of one shipment of it."""
    kind: Literal["delivery", "shipment", "withheld"]
    reason: str
    delivery_id: str
    calling_ae: str
    sealed_at: float
    """Unix seconds."""
    instances: int
    size: int
    """Bytes."""


_LIST: Final = """
    SELECT d.id, 'delivery' AS kind, d.reason, d.id AS delivery_id, a.calling_ae, d.sealed_at,
        d.instance_count AS instances, d.bytes AS size
    FROM deliveries d LEFT JOIN associations a ON a.id = d.association_id
    WHERE d.state = 'parked' AND d.reason NOT LIKE 'discarded%'
    UNION ALL
    SELECT s.id, 'shipment', coalesce(s.reason, 'rejected'), d.id, a.calling_ae, d.sealed_at, d.instance_count, d.bytes
    FROM shipments s JOIN deliveries d ON d.id = s.delivery_id LEFT JOIN associations a ON a.id = d.association_id
    WHERE s.state = 'parked' AND d.state <> 'parked'
    UNION ALL
    SELECT s.id, 'withheld', 'withheld', d.id, a.calling_ae, d.sealed_at, count(*), sum(i.size)
    FROM shipment_instances si JOIN shipments s ON s.id = si.shipment_id JOIN instances i ON i.id = si.instance_id
    JOIN deliveries d ON d.id = s.delivery_id LEFT JOIN associations a ON a.id = d.association_id
    WHERE si.state = 'withheld' AND si.reason NOT LIKE 'discarded%' AND d.state = 'terminal' GROUP BY s.id
    ORDER BY sealed_at, 1
"""


def waiting(connection: sqlite3.Connection) -> list[Held]:
    """Everything in the landing that waits for a person, oldest first; without a value of a patient."""
    return [Held(**dict(row)) for row in connection.execute(_LIST)]


def release(place: Workplace, held: Held, by: str) -> None:
    """Let one thing go on; of a delivery to several projects what may go, and the rest waits by itself.

    Raises:
        StillHeldError: its reason still holds.
        NotHeldError: somebody was quicker.
        DeliveryUnreadableError: its `delivery.json` cannot be read.
        OSError: the word cannot be kept beside the delivery.
    """
    if held.kind == WITHHELD:
        raise StillHeldError("What was withheld is not let through by a word.")
    rows = shipments.of_delivery(place.ledger, held.delivery_id)
    parked = _releasable(
        place, [row for row in rows if row.state == "parked" and held.id in {row.id, held.delivery_id}]
    )
    folder = place.delivery_folder(held.delivery_id)
    if held.reason == _UNKNOWN_CALLER:
        lift(folder)
    elif held.reason == FILES_MISSING:
        read_delivery(folder)
    if parked:
        _unpark_beside(place, held.delivery_id, {row.id: not row.package_sha256 for row in parked})
    with transaction(place.ledger) as ledger:
        _require_waiting(ledger, held)
        for shipment in parked:
            state = "packaged" if shipment.package_sha256 else "routed"
            ledger.execute(
                "UPDATE shipments SET state = ?, reason = NULL, terminal_at = NULL WHERE id = ?", (state, shipment.id)
            )
            record_event(ledger, place.clock(), shipment.id, "released", f"{by}: {shipment.reason}")
        ledger.execute(
            "UPDATE deliveries SET state = ?, reason = NULL, due_at = 0 WHERE id = ?",
            ("routed" if rows else "sealed", held.delivery_id),
        )
        record_event(ledger, place.clock(), held.delivery_id, "released", f"{by}: {held.reason}")


def end(place: Workplace, held: Held, reason: str, by: str) -> None:
    """End one thing: it goes nowhere, and its originals leave the landing after the days of retention.

    Raises:
        NotHeldError: somebody was quicker.
    """
    now, said = place.clock(), f"{DISCARDED}: {reason}"
    with transaction(place.ledger) as ledger:
        _require_waiting(ledger, held)
        if held.kind == WITHHELD:
            ledger.execute(
                "UPDATE shipment_instances SET reason = 'discarded:' || reason WHERE shipment_id = ?"
                " AND state = 'withheld' AND reason NOT LIKE 'discarded%'",
                (held.id,),
            )
            ledger.execute("UPDATE deliveries SET removed_at = NULL WHERE id = ?", (held.delivery_id,))
        rows = shipments.of_delivery(ledger, held.delivery_id)
        parked = [row for row in rows if row.state == "parked" and held.id in {row.id, held.delivery_id}]
        for shipment in parked:
            shipments.close(ledger, shipment, said, now)
        if held.kind == "delivery" and not parked:
            ledger.execute("UPDATE deliveries SET reason = ? WHERE id = ?", (said, held.delivery_id))
        for subject in dict.fromkeys((held.id, held.delivery_id)):
            record_event(ledger, now, subject, DISCARDED, f"{by}: {reason}; was {held.reason}")


def _require_waiting(ledger: sqlite3.Connection, held: Held) -> None:
    if not any(each.id == held.id and each.kind == held.kind for each in waiting(ledger)):
        raise NotHeldError(f"{held.id} does not wait for a person any more.")


def _releasable(place: Workplace, parked: list[Shipment]) -> list[Shipment]:
    """Those of which the reason holds no more.

    Raises:
        StillHeldError: there are some, and it still does for each.
    """
    going: list[Shipment] = []
    refused: StillHeldError | None = None
    for shipment in parked:
        try:
            _require_releasable(place, shipment)
            going.append(shipment)
        except StillHeldError as error:
            refused = error
    if refused is not None and not going:
        raise refused
    return going


def _require_releasable(place: Workplace, shipment: Shipment) -> None:
    """Ask again whatever held a shipment.

    Raises:
        StillHeldError: it still does.
    """
    folder = place.delivery_folder(shipment.delivery_id)
    if shipment.package_sha256 and not package_path(folder, shipment.id).is_file():
        raise StillHeldError("Its package is not in the landing any more.")
    delivery = read_delivery(folder)
    code = "" if shipment.package_sha256 else held_by_vault(place, delivery, shipment.project)
    if code:
        raise StillHeldError(f"It is still unclear who the patient is ({code}).")
    refused = place.not_consented(people_of(delivery), shipment.project)
    if refused:
        raise StillHeldError(f"Nobody allowed it for its patient ({refused}).")


def _unpark_beside(place: Workplace, delivery_id: str, released: dict[str, bool]) -> None:
    """Keep the word beside the delivery, where a new ledger would find it.

    Of what has no package yet (True) it is pinned anew which identities go under another one, as that may be the word.
    """
    folder = place.delivery_folder(delivery_id)
    route = Route.read(folder)
    if route is None:
        return
    joins = place.merges().joins(people_of(read_delivery(folder))) if any(released.values()) else ()
    going = {"state": "routed", "reason": None}
    changed = tuple(
        each.model_copy(update=going | ({"joins": joins} if released[each.id] else {})) if each.id in released else each
        for each in route.shipments
    )
    route.model_copy(update={"shipments": changed, "reason": ""}).write(folder)
