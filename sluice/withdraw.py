"""`sluice withdraw`: a patient takes their consent back, in both zones, with one certificate at the end."""

import getpass
import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import click

from handoff.cli.connection import Asking, asking
from handoff.client import HandoffClient
from handoff.contract.withdrawal import SignedCertificate
from processors.delivery.workplace import Workplace
from processors.withdrawal.find import Found
from processors.withdrawal.purge import Purged
from processors.withdrawal.results import EndedResults

SCHEMA: Final = "sluice.patient-withdrawal/1"
Connect = Callable[[], HandoffClient]
_POLL_SECONDS: Final = 1.0
_SUBJECT: Final = re.compile(r"S-(\d{4,9})")


class UnknownSubjectError(Exception):
    """The vault knows no such subject."""

    remedy: ClassVar[str] = "A subject is one of a project: name it by --project; it looks like S-0001."
    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class Ended:
    """What the handoff did: the signed certificates, and the withdrawals that still go on."""

    certificates: tuple[SignedCertificate, ...]
    purging: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Here:
    """What the trusted zone did; counts."""

    closed: int
    returned: EndedResults
    labels: int
    inventory: int
    purged: Purged


@click.command()
@click.option("--issuer", default="", help="Issuer of Patient ID (0010,0021), where the images name one.")
@click.option("--subject", help="Instead of a Patient ID: what people of --project call them, such as S-0001.")
@click.option("--project", help="From this project alone; left away: from every project, also later ones.")
@click.option("--reason", default="consent-withdrawn", show_default=True, help="Why, as a word.")
@click.option("--wait", "wait_seconds", default=600.0, show_default=True, help="Seconds to wait for the handoff.")
@click.option("--by", default=getpass.getuser, show_default="your account", help="Who says so, for the record.")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@asking
def withdraw(
    *,
    asking: Asking,
    issuer: str,
    subject: str | None,
    project: str | None,
    reason: str,
    wait_seconds: float,
    by: str,
    yes: bool,
) -> None:
    """End all use of one patient's images, and print what was purged, what remains and which models learned of them.

    The Patient ID is read from standard input, since arguments of a command are no secret:

        sluice withdraw --yes --issuer HOSP < id.txt > certificate.json

    1. From the first moment on nothing more of the patient leaves, whatever a list of consents says.
    2. Every delivery, shipment and package of theirs is found; what has not arrived is closed. So are results of theirs
       that have not gone back to the PACS; rows of labels about them leave the landing.
    3. The handoff tombstones their shipments (410), closes batches, ends runs and purges copies.
    4. Packages and originals leave the landing, but what their sender was promised or another project has.

    It cannot be taken back. Killed or interrupted anywhere, run it again: it goes on, and the certificate names all
    that was found; what an earlier run closed or removed is not counted once more.
    Exit 1 while the handoff still purges.
    """
    place = _place(asking)
    patient_id, issuer = _whose(place, issuer, subject, project)
    if not yes:
        _confirm(project)
    said = withdraw_patient(
        place, asking.client, patient_id, issuer, project, reason=reason, by=by, wait_seconds=wait_seconds
    )
    place.close()
    click.echo(json.dumps(said, indent=2))
    sys.exit(0 if said["ended"] else 1)


def withdraw_patient(
    place: Workplace,
    connect: Connect,
    patient_id: str,
    issuer: str,
    project: str | None,
    *,
    reason: str,
    by: str,
    wait_seconds: float,
) -> dict[str, Any]:
    """Do all of it, each step repeatable; returns the certificate, in which nothing names the patient.

    Raises:
        UnreachableError, ProblemError: the handoff cannot be asked; what was done here is done.
        VaultUnreadableError: the vault cannot be written; nothing was done.
        LandingTakenError: somebody imports labels at this moment; what was done is done.
        OSError: a document of labels cannot be read; what was done is done.
    """
    from processors.withdrawal.close import close, tombstone
    from processors.withdrawal.find import deliveries_of
    from processors.withdrawal.inventory import forget_in_inventory
    from processors.withdrawal.labels import end_labels
    from processors.withdrawal.purge import purge
    from processors.withdrawal.results import end_results

    tombstone(place, patient_id, issuer, project)
    found = deliveries_of(place, patient_id, issuer, project)
    people, studies = place.merges().group(patient_id, issuer), {each.study_uid for each in found}
    closed = close(place, found, by)
    returned = end_results(place, people, studies, project)
    labels = end_labels(place, people, studies, project)
    inventory = forget_in_inventory(place, people, studies, project)
    ended = _end_at_handoff(connect, _by_project(found), reason, wait_seconds)
    purged = purge(place, found, returned)
    here = Here(closed, returned, labels, inventory, purged)
    return _certificate(_subjects(place, patient_id, issuer), project, found, here, ended)


def _subjects(place: Workplace, patient_id: str, issuer: str) -> dict[str, str]:
    """Project: what people of it call this patient, under any identity of theirs."""
    called: dict[str, list[str]] = {}
    for each in place.merges().group(patient_id, issuer):
        for project, subject in place.vault.subjects_of(*each).items():
            called.setdefault(project, []).append(subject)
    return {project: ", ".join(subjects) for project, subjects in sorted(called.items())}


def _by_project(found: Iterable[Found]) -> dict[str, list[str]]:
    """Shipments by project, those that never left included: should they ever come, they are refused."""
    named: dict[str, list[str]] = {}
    for each in found:
        for shipment in each.theirs:
            named.setdefault(shipment.project, []).append(shipment.id)
    return named


def _end_at_handoff(connect: Connect, named: dict[str, list[str]], reason: str, wait_seconds: float) -> Ended:
    if not named:
        return Ended((), ())
    with connect() as client:
        asked = [
            view.id for project, ids in sorted(named.items()) for view in client.withdraw_all(project, ids, reason)
        ]
        deadline = time.monotonic() + wait_seconds
        waiting = [each for each in asked if client.withdrawal(each).state == "purging"]
        while waiting and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            waiting = [each for each in waiting if client.withdrawal(each).state == "purging"]
        return Ended(tuple(client.certificate(each) for each in asked if each not in waiting), tuple(waiting))


def _certificate(
    subjects: dict[str, str], project: str | None, found: list[Found], here: Here, ended: Ended
) -> dict[str, Any]:
    said = [signed.certificate for signed in ended.certificates]
    return {
        "schema": SCHEMA,
        "subjects": {name: each for name, each in subjects.items() if project in {None, name}},
        "from": project or "every project",
        "ended": not ended.purging,
        "found": {
            "deliveries": len(found),
            "shipments": {name: len(ids) for name, ids in sorted(_by_project(found).items())},
            "batches": sorted({batch for each in said for batch in each.batches}),
        },
        "landing": {
            "shipments_closed": here.closed,
            "packages_removed": here.purged.packages,
            "originals_removed": here.purged.originals,
            "results_closed": here.returned.closed,
            "label_rows_removed": here.labels,
            "inventory_rows_removed": here.inventory,
            "remains": here.purged.remains,
        },
        "affected_models": sorted(
            {copy.name for each in said for copy in each.remains if copy.reason == "derived-model"}
        ),
        "handoff": [signed.plain() for signed in ended.certificates],
        "still_purging": list(ended.purging),
    }


def _place(asking: Asking) -> Workplace:
    from processors.site import Site

    return Workplace(Site.load(asking.home / "trusted"))


def _whose(place: Workplace, issuer: str, subject: str | None, project: str | None) -> tuple[str, str]:
    """Patient ID and issuer, from standard input or by the vault."""
    if subject is None:
        if sys.stdin.isatty():
            return click.prompt("Patient ID", hide_input=True, err=True), issuer
        patient_id = sys.stdin.readline().strip()
        if not patient_id:
            raise click.UsageError("Give the Patient ID on standard input, or --subject.")
        return patient_id, issuer
    number = _SUBJECT.fullmatch(subject)
    owner = place.vault.subject(project, int(number[1])) if number and project else None
    if owner is None:
        raise UnknownSubjectError("No such subject of a project is known.")
    return owner.patient_id, owner.issuer


def _confirm(project: str | None) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("This cannot be taken back: say --yes where nobody can be asked.")
    click.confirm(
        f"End all use of this patient's images in {project or 'every project'} for ever?", abort=True, err=True
    )
