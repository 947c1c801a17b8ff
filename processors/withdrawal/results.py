"""Ends objects of results that are about a patient and have not gone back: they go nowhere, and leave the landing.

Whose an object is, its row says once it was judged. What was not, or was held, is read: it is theirs if it names a
patient or study of theirs, or refers to an instance of such a study.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from processors.delivery.workplace import Workplace
from processors.landing.results import Ended
from processors.ledger import results
from processors.ledger.results import ResultObject
from processors.results.keep import OBJECT_FILE, folder_of
from processors.results.reasons import HeldError
from processors.results.references import referenced_instances
from processors.vault.merges import Person
from processors.withdrawal.names import Names


@dataclass(frozen=True, slots=True)
class EndedResults:
    """What became of objects of results; counts alone."""

    closed: int = 0
    """Ended now, never sent."""
    sent: int = 0
    """Went back before: the hospital's record is not ours to change."""
    unreadable: int = 0
    """Wait for a person, and nobody can say whose they are."""


def end_results(
    place: Workplace, people: Iterable[Person], studies: Iterable[str], project: str | None
) -> EndedResults:
    """End what has not gone back; remove the files of what has. It may be repeated after any kill.

    Args:
        place: the trusted home.
        people: the patient by every identity.
        studies: their Study Instance UIDs.
        project: from which they withdrew; None for all.
    """
    people, mine = list(people), set(studies)
    closed = sent = unreadable = 0
    names: dict[str, Names] = {}
    for row in results.of_state(place.ledger):
        if project not in {None, row.project}:
            continue
        if row.project not in names:
            names[row.project] = Names.of(place.keys, row.project, people, mine)
        theirs = row.study_uid in mine if row.study_uid else _names_them(place, row, names[row.project], mine)
        if theirs is None:
            unreadable += row.state not in {"sent", "closed"}
        elif theirs:
            closed += results.withdraw(place.ledger, row.id, place.clock())
            sent += row.state == "sent"
            _remove(place, row.id)
    return EndedResults(closed, sent, unreadable)


def _names_them(place: Workplace, row: ResultObject, theirs: Names, studies: set[str]) -> bool | None:
    """Whether an object that was not judged, or was held, is about the patient; None if it cannot be read."""
    said = _read(folder_of(place, row.id) / OBJECT_FILE)
    if said is None:
        return None
    patient, study, references = said
    if theirs.has(patient, study):
        return True
    return any(not studies.isdisjoint(_studies_of(place, row.project, uid)) for uid in references)


def _read(file: Path) -> tuple[str, str, frozenset[str]] | None:
    """Patient, study and referenced instances that an object names, all pseudonyms."""
    try:
        dataset = dcmread(file, stop_before_pixels=True)
        with suppress(HeldError):
            return *_names(dataset), referenced_instances(dataset)
        return *_names(dataset), frozenset()
    except Exception:  # noqa: BLE001 - pydicom raises what it likes over what a run made, and quotes it
        return None


def _names(dataset: Dataset) -> tuple[str, str]:
    return str(dataset.get("PatientID", "")), str(dataset.get("StudyInstanceUID", ""))


def _studies_of(place: Workplace, project: str, uid: str) -> set[str]:
    original = place.vault.original_of(project, uid)
    rows = place.ledger.execute("SELECT DISTINCT study_uid FROM instances WHERE sop_instance_uid = ?", (original,))
    return {row[0] for row in rows}


def _remove(place: Workplace, result_id: str) -> None:
    """Its files leave the landing; the claim, and how it ended, stay as the record."""
    row, folder = results.get(place.ledger, result_id), folder_of(place, result_id)
    if row is None or not folder.is_dir():
        return
    if row.state == "closed" and Ended.read(folder) is None:
        Ended(state="closed", at=place.clock(), destination=row.destination, reason=row.reason).write(folder)
    files = list(folder.glob("*.dcm"))
    for file in files:
        file.unlink(missing_ok=True)
    if files or row.file:
        results.removed(place.ledger, result_id, place.clock())
