"""Finds every delivery and shipment of a patient: by the vault, and where that is not sure, by what was received.

1. The vault says whose a study is. A delivery of such a study is the patient's.
2. A study that came with two identities, and a delivery that has not gone all its way, are looked at themselves.
3. What cannot be read there is taken for the patient's if the vault says that its study may be.
"""

from dataclasses import dataclass

from processors.delivery.route import people_of
from processors.delivery.workplace import Workplace
from processors.landing.delivery import read_delivery
from processors.landing.errors import DeliveryUnreadableError
from processors.ledger import shipments
from processors.ledger.shipments import Shipment
from processors.vault import StudyOwner
from processors.vault.merges import Person, person

_ALL = "SELECT id, study_uid, state, removed_at FROM deliveries WHERE state <> 'open' ORDER BY id"


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery with at least one instance of the patient."""

    delivery_id: str
    study_uid: str
    """Original; PHI."""
    theirs: tuple[Shipment, ...]
    """Its shipments to what was withdrawn from: one project, or all."""
    others: tuple[Shipment, ...]
    """Its shipments to other projects."""


def deliveries_of(place: Workplace, patient_id: str, issuer: str, project: str | None) -> list[Found]:
    """Everything of a patient that was received, under any identity of theirs.

    With a project only what is about it; without one a delivery of which nothing was shipped is found too.
    """
    people = set(place.merges().group(patient_id, issuer))
    rows = place.ledger.execute(_ALL).fetchall()
    whose = place.vault.studies_of(people, {row["study_uid"] for row in rows})
    found = [
        _found(place, row["id"], row["study_uid"], project)
        for row in rows
        if _is_theirs(place, row["id"], row["state"], people, whose.get(row["study_uid"]))
    ]
    return [each for each in found if project is None or each.theirs]


def _is_theirs(place: Workplace, delivery_id: str, state: str, people: set[Person], whose: StudyOwner | None) -> bool:
    if whose is not None and not whose.conflict:
        return whose.theirs  # (1)
    if whose is None and state == "terminal":
        return False  # what went all its way was identified
    try:
        came = people_of(read_delivery(place.delivery_folder(delivery_id)))  # (2)
    except DeliveryUnreadableError:
        return whose is not None and whose.theirs  # (3)
    return not people.isdisjoint(person(*each) for each in came)


def _found(place: Workplace, delivery_id: str, study_uid: str, project: str | None) -> Found:
    rows = shipments.of_delivery(place.ledger, delivery_id)
    theirs = tuple(row for row in rows if project in {None, row.project})
    return Found(delivery_id, study_uid, theirs, tuple(row for row in rows if row not in theirs))
