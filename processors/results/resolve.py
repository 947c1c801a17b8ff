"""Finds the one original study that an object is about, by this site's own books. A claim alone is never believed.

1. Each referenced UID is a pseudonym that this site made for this project.
2. Each original stands in a shipment that is confirmed, and that the handoff counts to the run's batch.
3. All of them are of one study, and the object names that study and its patient.
4. The object's own SOP Instance UID is none that is known here.
5. Every other UID that goes into the finished object is of that study, and a frame of reference of that patient.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from handoff.contract.returned import Claim
from processors.deid.pseudonyms import patient_pseudonym, pseudonymous_uid
from processors.delivery.workplace import Workplace
from processors.results.mint import minted
from processors.results.reasons import HeldError, Reason
from processors.results.references import referenced_instances
from processors.vault import Held
from processors.vault.merges import Person

_DELIVERED = """
    SELECT DISTINCT i.study_uid, s.id FROM instances i
    JOIN shipment_instances si ON si.instance_id = i.id AND si.state = 'passed'
    JOIN shipments s ON s.id = si.shipment_id AND s.project = ? AND s.state = 'confirmed'
    WHERE i.sop_instance_uid = ?
"""
_STUDIES_OF_UID = """
    SELECT study_uid FROM deliveries WHERE study_uid = :uid OR series_uid = :uid
    UNION SELECT study_uid FROM instances WHERE sop_instance_uid = :uid
"""


@dataclass(frozen=True, slots=True, repr=False)
class Original:
    """The study that an object is about. PHI: it has no revealing repr."""

    study_uid: str
    facts: Dataset
    """Patient and study as the originals say."""
    instances: frozenset[str]
    """The original SOP Instance UIDs that the object refers to."""
    series: frozenset[str]
    """The original Series Instance UIDs of the study."""
    pseudonyms: frozenset[str]
    """What must not be in the finished object: every UID of the study's pseudonymous side, and the patient's."""

    def __repr__(self) -> str:
        return "Original(…)"


def resolve(place: Workplace, claim: Claim, dataset: Dataset) -> Original:
    """The study behind an object.

    Raises:
        HeldError: with the code of what does not fit.
    """
    _require_unknown(place, claim, dataset)  # (4)
    originals = {uid: _original(place, claim, uid) for uid in sorted(referenced_instances(dataset))}  # (1)
    studies = _studies(place.ledger, claim, originals.values())  # (2)
    if len(studies) > 1:  # (3)
        raise HeldError(_two(place, studies))
    study = studies.pop()
    facts = place.vault.study_facts(study)
    if facts is None:
        raise HeldError(Reason.ORIGINAL_GONE)
    original = Dataset.from_json(facts)
    patient = _require_agreement(place, claim, dataset, study, original)
    known = place.vault.instances_of_study(claim.project, str(dataset.StudyInstanceUID))
    return Original(
        study,
        original,
        instances=frozenset(originals.values()),
        series=_series(place.ledger, study),
        pseudonyms=frozenset({patient, *(new for _, new in known)}),
    )


def require_belonging(place: Workplace, project: str, of: Original, keyword: str, uid: str) -> None:
    """An original UID may stand in the finished object: it is of that study, or names something of that patient.

    Raises:
        HeldError: it is another's.
    """
    if keyword == "ReferencedSOPInstanceUID":
        fits = uid in of.instances
    elif keyword == "StudyInstanceUID":
        fits = uid == of.study_uid
    elif keyword == "SeriesInstanceUID":
        fits = uid in of.series
    else:  # a frame of reference may reach over the studies of one patient
        fits = any(uid in _recorded(place, project, study) for study in _studies_of_patient(place, of.study_uid))
        if not fits:
            raise HeldError(Reason.TWO_PATIENTS)
    if not fits:
        others = place.ledger.execute(_STUDIES_OF_UID, {"uid": uid}).fetchall()
        raise HeldError(_two(place, {of.study_uid, *(row[0] for row in others)}))


def _studies_of_patient(place: Workplace, study: str) -> Iterator[str]:
    """The study itself, and then the others of its patient: they are looked for only if they are asked for."""
    yield study
    owner = place.vault.owner_of(study)
    for (other,) in place.ledger.execute("SELECT DISTINCT study_uid FROM deliveries").fetchall():
        if owner is not None and other != study and place.vault.owner_of(other) == owner:
            yield other


def _recorded(place: Workplace, project: str, study: str) -> set[str]:
    """Of every key epoch: a run may have begun before the present one."""
    pseudonyms = [pseudonymous_uid(keys, study) for keys in place.keys.epochs(project)]
    return {original for each in pseudonyms for original, _ in place.vault.instances_of_study(project, each)}


def _series(ledger: sqlite3.Connection, study: str) -> frozenset[str]:
    rows = ledger.execute("SELECT DISTINCT series_uid FROM deliveries WHERE study_uid = ?", (study,))
    return frozenset(row[0] for row in rows)


def _require_unknown(place: Workplace, claim: Claim, dataset: Dataset) -> None:
    """The object is new: not an image of ours, under any name, nor an object that came back before."""
    own = str(dataset.get("SOPInstanceUID", ""))
    known = place.ledger.execute(
        "SELECT EXISTS (SELECT 1 FROM instances WHERE sop_instance_uid = ?1)"
        " OR EXISTS (SELECT 1 FROM results WHERE sop_instance_uid = ?1)",
        (own,),
    ).fetchone()[0]
    names = {place.vault.original_of(project, own) for project in _projects(place.ledger, claim)}
    if known or names - {None, minted(place.keys, claim.id, "instance")}:  # itself, when it is judged again
        raise HeldError(Reason.KNOWN_SOP_INSTANCE)


def _original(place: Workplace, claim: Claim, uid: str) -> str:
    found = place.vault.original_of(claim.project, uid)
    if found is not None:
        return found
    others = _projects(place.ledger, claim) - {claim.project}
    mixed = any(place.vault.original_of(project, uid) for project in others)
    raise HeldError(Reason.MIXED_PROJECT if mixed else Reason.UNKNOWN_PSEUDONYM)


def _projects(ledger: sqlite3.Connection, claim: Claim) -> set[str]:
    return {claim.project} | {row[0] for row in ledger.execute("SELECT DISTINCT project FROM shipments")}


def _studies(ledger: sqlite3.Connection, claim: Claim, originals: Iterable[str]) -> set[str]:
    """The studies of the originals, each of which must have been delivered to that run by a confirmed shipment."""
    claimed = set(claim.shipments)
    for shipment in claimed:  # those of other sites are unknown here, and prove nothing
        ours = ledger.execute("SELECT project FROM shipments WHERE id = ?", (shipment,)).fetchone()
        if ours is not None and ours["project"] != claim.project:
            raise HeldError(Reason.MIXED_PROJECT)
    studies = set()
    for uid in originals:
        rows = ledger.execute(_DELIVERED, (claim.project, uid)).fetchall()
        delivered = {row["study_uid"] for row in rows if row["id"] in claimed}
        if not delivered:
            raise HeldError(Reason.NOT_DELIVERED)
        studies |= delivered
    return studies


def _two(place: Workplace, studies: set[str]) -> Reason:
    patients = set()
    for study in studies:
        facts = place.vault.study_facts(study) or {}
        patients.add(str((facts.get("00100020", {}).get("Value") or [study])[0]))
    return Reason.TWO_PATIENTS if len(patients) > 1 else Reason.TWO_STUDIES


def _require_agreement(place: Workplace, claim: Claim, dataset: Dataset, study: str, original: Dataset) -> str:
    """The object names the study and the patient of the images that it refers to; returns the patient's pseudonym."""
    if place.vault.original_of(claim.project, str(dataset.get("StudyInstanceUID", ""))) != study:
        raise HeldError(Reason.STUDY_DISAGREES)
    patient_id, issuer = str(original.get("PatientID", "")), str(original.get("IssuerOfPatientID", ""))
    if isinstance(place.vault.identify(claim.project, patient_id, issuer, study), Held):
        raise HeldError(Reason.IDENTITY_HELD)
    pseudonym = str(dataset.get("PatientID", "")).strip()
    names = _names(place, patient_id, issuer, study)
    if not any(
        pseudonym == patient_pseudonym(keys, *name) for keys in place.keys.epochs(claim.project) for name in names
    ):
        raise HeldError(Reason.PATIENT_DISAGREES)
    return pseudonym


def _names(place: Workplace, patient_id: str, issuer: str, study: str) -> set[Person]:
    """Under what identities images of this study may have left: joined now, or when it first came. PHI."""
    owner = place.vault.owner_of(study)
    first = {(owner.patient_id, owner.issuer)} if owner is not None else set()
    return {(patient_id, issuer), *place.merges().group(patient_id, issuer), *first}
