"""What two people said is done: the original is received once more, by a route of its own, with their word beside it.

Everything after that is as for any object: consent is asked, the engine treats it, the verifier looks, the audit record
says so. If it is withheld again, it waits again.
"""

import json
import secrets
from pathlib import Path

from processors.deid.burned_in.suspects import can_show_text
from processors.deid.marks import treatment_facts
from processors.delivery.again import receive_again
from processors.delivery.pinned import PinnedShipment, Route
from processors.delivery.route import held_by_vault
from processors.delivery.workplace import Workplace
from processors.landing.delivery import Delivery, ReceivedInstance, read_delivery
from processors.ledger import shipments, variants
from processors.ledger.schema import record_event, transaction
from processors.quarantine.decision import Decision
from processors.quarantine.errors import DecisionError, NotWaitingError
from processors.quarantine.items import Item
from processors.quarantine.pictures import Shown

AGAIN = "treated-again"


def complete(place: Workplace, item: Item, decision: Decision) -> Decision:
    """The decision with the size of the image that it was made on, if it is one that can be carried out.

    Raises:
        NotWaitingError: its shipment is not settled yet.
        DecisionError: the patient is unclear, or a box reaches beyond the image, or would not be masked.
        NoPictureError: boxes were drawn on what has no pixels.
        ProfileError: there is no such profile, or it may make no packages.
    """
    if not item.settled:
        raise NotWaitingError("Its shipment is still on its way; decide when that is settled.")
    if decision.profile is not None:
        place.profile(decision.profile)
    delivery, _ = _found(place, item)
    if held := held_by_vault(place, delivery, item.project):
        raise DecisionError(f"It is unclear who the patient is ({held}).")
    if not decision.masks:
        return decision
    if not place.profile(decision.profile or item.profile).clean.pixel_data:
        raise DecisionError("The profile cleans no pixels, so that no box would be masked.")
    shown = Shown.of(original(place, item))
    if not can_show_text(shown.opened.header):
        raise DecisionError("Pixels of such an image are passed as they are measured, so that no box would be masked.")
    layout = shown.layout
    sized = decision.model_copy(update={"rows": layout.rows, "columns": layout.columns})
    sized.signature()
    return sized


def treat_again(place: Workplace, item: Item, decision: Decision, by: str) -> None:
    """Receive it again, and let the version that was withheld count as ended.

    Raises:
        OriginalGoneError: the original has left the landing.
        OSError: the disk does not take it.
    """
    delivery, instance = _found(place, item)
    row = place.ledger.execute(
        "SELECT max(revision) FROM instances WHERE sop_instance_uid = ?", (instance.sop_instance_uid,)
    ).fetchone()

    def beside(folder: Path, delivery_id: str) -> None:
        decision.write(folder)
        _route(place, item, decision, delivery_id).write(folder)

    revision = receive_again(place, delivery, instance, row[0] + 1, beside)
    found = variants.of_uid(place.ledger, instance.sop_instance_uid)
    now = place.clock()
    with transaction(place.ledger) as ledger:
        if found is not None:
            variants.decide(ledger, found, variants.Decision(revision, revision, by, AGAIN, now))
    end(place, item, AGAIN, by)


def end(place: Workplace, item: Item, said: str, by: str) -> None:
    """Let one withheld instance count as discarded; its original goes after the days of retention."""
    now = place.clock()
    with transaction(place.ledger) as ledger:
        ledger.execute(
            "UPDATE shipment_instances SET reason = 'discarded:' || reason WHERE shipment_id = ? AND instance_id = ?"
            " AND state = 'withheld' AND reason NOT LIKE 'discarded%'",
            (item.shipment_id, item.instance_id),
        )
        ledger.execute("UPDATE deliveries SET removed_at = NULL WHERE id = ?", (item.delivery_id,))
        for subject in (item.shipment_id, item.delivery_id):
            record_event(ledger, now, subject, "discarded", f"{by}: {item.file}: {said}")


def original(place: Workplace, item: Item) -> Path:
    """The original. PHI."""
    return place.delivery_folder(item.delivery_id) / item.file


def _found(place: Workplace, item: Item) -> tuple[Delivery, ReceivedInstance]:
    delivery = read_delivery(place.delivery_folder(item.delivery_id))
    return delivery, next(each for each in delivery.instances if each.file == item.file)


def _route(place: Workplace, item: Item, decision: Decision, delivery_id: str) -> Route:
    """To the same destination and project, and to no other that has it already."""
    before = shipments.get(place.ledger, item.shipment_id)
    earlier = Route.read(place.delivery_folder(item.delivery_id))
    assert before is not None
    pinned_before = next((each for each in earlier.shipments if each.id == before.id), None) if earlier else None
    profile = decision.profile or before.profile
    pinned = PinnedShipment(
        id=secrets.token_hex(16),
        destination=before.destination,
        project=before.project,
        profile=profile,
        treatment={
            **_context(before.treatment),
            **treatment_facts(place.profile(profile), place.keys.project(before.project)),
            "decision": decision.digest,
        },
        joins=pinned_before.joins if pinned_before else (),
    )
    return Route(delivery_id=delivery_id, rules=earlier.rules if earlier else (), shipments=(pinned,))


def _context(treatment: str) -> dict[str, str]:
    return {name: value for name, value in json.loads(treatment).items() if name in ("flow_release", "rules_digest")}
