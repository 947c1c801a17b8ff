"""What is said of each instance of a shipment, and of its package. Digests, counts and codes; no value of a patient."""

from typing import Any, Final

from processors.audit.lines import Record
from processors.deid.reasons import Reason
from processors.landing.delivery import Delivery
from processors.ledger.shipments import Shipment

INSTANCE: Final = "instance"
PACKAGE: Final = "package"
HELD: Final = "held"
_OF_THE_PACKAGE: Final = frozenset({"too-large", "uid-conflict", "series-conflict"})
"""Reasons of `processors.delivery.worker` for an instance that the engine had passed."""


def records(shipment: Shipment, delivery: Delivery, made: dict[str, Any], attempt: int) -> list[Record]:
    """The records of one attempt at a shipment: one for each instance, and one for the package.

    Args:
        shipment: what was treated.
        delivery: what it was made of.
        made: what the worker answered: `fates`, `looked`, `sha256`, `size`, `treatment`.
        attempt: which attempt this was, as FlowFiles count them.
    """
    arrived = {each.file: each for each in delivery.instances}
    treatment = made["treatment"]
    shared = {
        "shipment": shipment.id,
        "attempt": attempt,
        "profile": treatment["profile"],
        "profile_digest": treatment["profile_digest"],
        "table_edition": treatment["table_e1_1_edition"],
        "key_epoch": treatment["key_epoch"],
    }
    told: list[Record] = []
    for file, reason in made["fates"]:
        instance, seen = arrived[file], made["looked"].get(file, {})
        told.append(
            {
                "kind": INSTANCE,
                **shared,
                "file": file,
                "revision": instance.revision,
                "in": instance.digest,
                "out": None if reason else seen.get("out"),
                "instance": None if reason else seen.get("instance"),
                "actions": seen.get("actions", {}),
                "performed": seen.get("performed", []),
                "verifier": verifier(reason),
                "outcome": "withheld" if reason else "passed",
                "reason": reason,
            }
        )
    passed = sum(reason is None for _, reason in made["fates"])
    package = {
        "kind": PACKAGE,
        **shared,
        "delivery": shipment.delivery_id,
        "destination": shipment.destination,
        "package": made["sha256"] or None,
        "size": made["size"],
        "passed": passed,
        "withheld": len(told) - passed,
        "treatment": treatment,
    }
    return [*told, package]


def held(shipment: Shipment, package: str, reason: str, attempt: int) -> Record:
    """The record of a package that was made and does not leave: it gets no name, or is not sent once more.

    Args:
        shipment: whose package it is.
        package: its SHA-256, hex.
        reason: a code.
        attempt: which attempt this was, as FlowFiles count them.
    """
    return {"kind": HELD, "shipment": shipment.id, "attempt": attempt, "package": package, "reason": reason}


def verifier(reason: str | None) -> str:
    """What the independent scan of the output said: `clean`, `hit`, or `not-reached` as nothing came out to scan."""
    if reason == Reason.VERIFY_HIT:
        return "hit"
    return "clean" if reason is None or reason in _OF_THE_PACKAGE else "not-reached"
