"""Identities that were joined leave under one pseudonym; what was pinned before stays as it was pinned."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from processors.delivery import held
from processors.delivery.errors import UnknownDeliveryError
from processors.delivery.flowfile import Reference
from processors.delivery.pinned import ROUTE_FILE
from processors.delivery.route import route
from processors.delivery.treat import treat
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct, reference

MERGED = 'patients:\n  - keep: {id: "HOSP-4711"}\n    join: [{id: "HOSP-0815"}]\n'


def join(home: TrustedHome) -> None:
    (home.root / "merges.yaml").write_text(MERGED)


def routed(home: TrustedHome, patient: str, study: str | None = None) -> dict[str, str]:
    home.seal([ct(study or generate_uid(), generate_uid(), PatientID=patient, StudyDate="20200301")])
    announcer = home.announcer()
    try:
        [entry] = home.route(reference(announcer.next(0)))
    finally:
        announcer.close()
    return entry


def left(home: TrustedHome, entry: dict[str, str]) -> tuple[str, str, str]:
    """Patient by manifest and by instance, and the day to which the study moved."""
    package = Path(home.treat(entry)["package.path"])
    with zipfile.ZipFile(package) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        instance = dcmread(io.BytesIO(archive.read(manifest["instances"][0]["member"])))
    assert not any(name in package.read_bytes() for name in (b"HOSP-4711", b"HOSP-0815"))
    return manifest["patient"], instance.PatientID, instance.StudyDate


def test_joined_identities_leave_under_one_pseudonym_with_dates_moved_alike(home: TrustedHome) -> None:
    join(home)
    one, other = (left(home, routed(home, patient)) for patient in ("HOSP-4711", "HOSP-0815"))
    assert one == other
    assert one[0] == one[1]


def test_what_was_pinned_before_keeps_its_identity(home: TrustedHome) -> None:
    before = routed(home, "HOSP-0815")
    join(home)
    after = routed(home, "HOSP-0815")
    assert left(home, before) != left(home, after) == left(home, routed(home, "HOSP-4711"))


def test_a_study_of_two_identities_is_released_under_the_one_that_is_kept(home: TrustedHome) -> None:
    study = generate_uid()
    first = left(home, routed(home, "HOSP-4711", study))
    home.seal([ct(study, generate_uid(), PatientID="HOSP-0815", StudyDate="20200301")])
    announcer = home.announcer()
    assert route(home.place, reference(announcer.next(0)), RELEASE).relationship == "parked"
    [waits] = held.waiting(home.place.ledger)
    assert waits.reason == "held:study-with-two-identities"
    join(home)
    held.release(home.place, waits, "ada")
    [entry] = home.route(reference(announcer.next(0)))
    announcer.close()
    assert left(home, entry) == first


def test_without_what_was_pinned_nothing_is_made(home: TrustedHome) -> None:
    """Else a patient would leave under another pseudonym than the one that was decided."""
    entry = routed(home, "HOSP-0815")
    (home.place.delivery_folder(entry["delivery.id"]) / ROUTE_FILE).unlink()
    with pytest.raises(UnknownDeliveryError):
        treat(home.place, Reference.read(entry), home.pool)


def test_who_denies_under_any_of_their_identities_is_denied(home: TrustedHome) -> None:
    join(home)
    home.place.vault.withdraw("HOSP-0815", "", None)
    assert home.place.not_consented({("HOSP-4711", "")}, "lung") == "consent-denied"
