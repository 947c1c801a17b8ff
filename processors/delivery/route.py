"""Decides where a delivery goes, once, and tells NiFi its shipments without saying anything about a patient.

1. Take up the announcement, so that it is not repeated for an hour; older ones are superseded.
2. Find what was decided: in the ledger, else in `route.json`, else decide now by the rules and the vault. A delivery
   that is gone from the landing waits for a person.
3. Keep the decision: `route.json` first, then the ledger; both hold the same ids whatever is killed in between.
4. Answer with the shipments that are not settled.
"""

import json
import secrets
from collections.abc import Callable
from typing import Final

from processors.deid.engine import treatment_facts
from processors.delivery import missing
from processors.delivery.evidence import translate
from processors.delivery.flowfile import Outcome, Reference, because
from processors.delivery.labels import announce
from processors.delivery.package import package_path
from processors.delivery.pinned import PinnedShipment, Route
from processors.delivery.workplace import Workplace
from processors.landing.delivery import Delivery, read_delivery
from processors.landing.hold import is_lifted
from processors.ledger import announcements, shipments
from processors.ledger.schema import transaction
from processors.ledger.shipments import Shipment
from processors.results.go_on import go_on
from processors.routing.decide import decide
from processors.routing.facts import Facts
from processors.routing.rules import Target
from processors.vault import Held


def route(place: Workplace, reference: Reference, release: str) -> Outcome:
    """Route a delivery, translate evidence, send labels or a result on; `release` is the digest of the flows."""
    standing = announcements.see(place.ledger, reference.kind, reference.id, reference.n, place.clock())
    if standing != "current":
        return because("superseded", standing)
    if reference.kind in _FINISHED:
        return _FINISHED[reference.kind](place, reference)
    decided = shipments.of_delivery(place.ledger, reference.id)
    if not decided:
        gone = missing.is_missing(place, reference.id)
        reason = missing.park(place, reference.id) if gone else _pin(place, reference.id, release)
        if reason:
            return because("parked", reason)
        decided = shipments.of_delivery(place.ledger, reference.id)
    moving = [shipment for shipment in decided if shipment.state not in shipments.TERMINAL]
    if not moving:
        return because("parked", decided[0].reason or decided[0].state)
    return Outcome("success", {}, json.dumps([_entry(place, reference, each) for each in moving]).encode())


_FINISHED: Final[dict[str, Callable[[Workplace, Reference], Outcome]]] = {
    "evidence": translate,
    "labels": announce,
    "result": go_on,
}
"""What needs no decision of the rules."""


def _pin(place: Workplace, delivery_id: str, release: str) -> str:
    """Decide and keep it. Returns why the delivery is parked, or nothing."""
    folder = place.delivery_folder(delivery_id)
    decided = Route.read(folder)
    if decided is None or not decided.shipments:
        decided = _decide(place, read_delivery(folder), release)
        decided.write(folder)
    with transaction(place.ledger) as ledger:
        if shipments.of_delivery(ledger, delivery_id):
            return ""
        if decided.shipments:
            shipments.pin(ledger, delivery_id, decided.rows(), place.clock())
        else:
            shipments.park_delivery(ledger, delivery_id, decided.reason, place.clock())
    return decided.reason


def _decide(place: Workplace, delivery: Delivery, release: str) -> Route:
    if delivery.hold and not is_lifted(place.delivery_folder(delivery.id)):
        return Route(delivery_id=delivery.id, rules=(), reason=f"held:{delivery.hold}")
    rules = place.rules()
    facts = (
        Facts.of(
            delivery.called_ae,
            delivery.calling_ae,
            instance.sop_class_uid,
            instance.header,
            peer=delivery.sender,
            project_hint=delivery.project_hint,
        )
        for instance in delivery.instances
    )
    decision = decide(rules, facts)
    if not decision.targets:
        reason = "held:mixed" if decision.reason == "mixed" else decision.reason
        return Route(delivery_id=delivery.id, rules=decision.rules, reason=reason)
    context = {"flow_release": release, "rules_digest": rules.digest}
    pinned = tuple(_shipment(place, delivery, target, context) for target in decision.targets)
    held = [each.reason or "" for each in pinned if each.state == "parked"]
    reason = held[0] if len(held) == len(pinned) else ""
    return Route(delivery_id=delivery.id, rules=decision.rules, reason=reason, shipments=pinned)


def _shipment(place: Workplace, delivery: Delivery, target: Target, context: dict[str, str]) -> PinnedShipment:
    held = held_by_vault(place, delivery, target.project) or place.not_consented(people_of(delivery), target.project)
    facts = treatment_facts(place.profile(target.profile), place.keys.project(target.project))
    return PinnedShipment(
        id=secrets.token_hex(16),
        destination=target.destination,
        project=target.project,
        profile=target.profile,
        treatment={**facts, **context},
        joins=place.merges().joins(people_of(delivery)),
        state="parked" if held else "routed",
        reason=f"held:{held}" if held else None,
    )


def held_by_vault(place: Workplace, delivery: Delivery, project: str) -> str:
    """Ask the vault who every instance belongs to; returns why a person must look first, or nothing."""
    if not delivery.study_instance_uid:
        return ""  # no study that could have two identities; de-identification withholds what belongs to none
    for patient_id, issuer in sorted(people_of(delivery)):
        identity = place.vault.identify(project, patient_id, issuer, delivery.study_instance_uid)
        if isinstance(identity, Held):
            return identity.code
    return ""


def people_of(delivery: Delivery) -> set[tuple[str, str]]:
    """Whose a delivery is: (Patient ID, issuer) of each instance, as its header was read on reception. PHI."""
    return {(each.header.get("PatientID", ""), each.header.get("IssuerOfPatientID", "")) for each in delivery.instances}


def _entry(place: Workplace, reference: Reference, shipment: Shipment) -> dict[str, str]:
    """One FlowFile's attributes; SplitJson and EvaluateJsonPath set them."""
    packaged = shipment.state == "packaged"
    return {
        "delivery.id": reference.id,
        "delivery.n": str(reference.n),
        "kind": "shipment",
        "destination": shipment.destination,
        "shipment.id": shipment.id,
        "package.path": str(package_path(place.delivery_folder(reference.id), shipment.id)) if packaged else "",
        "package.sha256": shipment.package_sha256 or "",
        "package.size": str(shipment.package_size or ""),
    }
