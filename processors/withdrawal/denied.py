"""Finds who is denied by now and has something at the handoff: consent was asked when it left, and changed since.

Nothing is withdrawn by a changed list alone: a list that somebody cut short, or a hook that answers wrongly, would end
models for ever. A person says it, by `sluice withdraw`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from processors.delivery.workplace import Workplace
from processors.vault import Owner
from processors.withdrawal.find import deliveries_of

_PROJECTS = "SELECT DISTINCT project FROM shipments WHERE state = 'confirmed' ORDER BY project"
DENIED = "consent-denied"


@dataclass(frozen=True, slots=True)
class Denied:
    """A patient by the name that people of the project know, and how many shipments of theirs the handoff has."""

    project: str
    subject: str
    shipments: int


def denied_since(place: Workplace, advance: Callable[[int, int], None] = lambda _done, _all: None) -> Iterator[Denied]:
    """Ask anew about everybody of whom the handoff has something, and name those who are denied and did not withdraw.

    Args:
        place: the trusted home.
        advance: told how many patients of a project were asked about, and of how many.
    """
    for (project,) in place.ledger.execute(_PROJECTS).fetchall():
        subjects = list(dict.fromkeys(subject for subject, _ in place.vault.subjects(project)))
        for number, subject in enumerate(subjects, 1):
            owner = place.vault.subject(project, int(subject.removeprefix("S-")))
            if owner is not None and _is_denied(place, owner, project):
                found = deliveries_of(place, owner.patient_id, owner.issuer, project)
                there = sum(each.state == "confirmed" for delivery in found for each in delivery.theirs)
                if there:
                    yield Denied(project, subject, there)
            advance(number, len(subjects))


def _is_denied(place: Workplace, owner: Owner, project: str) -> bool:
    group = place.merges().group(owner.patient_id, owner.issuer)
    if any(place.vault.is_withdrawn(*each, project) for each in group):
        return False
    return place.not_consented({(owner.patient_id, owner.issuer)}, project) == DENIED
