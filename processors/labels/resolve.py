"""A row's keys to one pseudonymous place, or the reason why not. Nothing is guessed.

1. The finest key that the row has names the level, and every object that it fits is a candidate.
2. Every other key of the row must fit too; it may tell candidates apart, and may not contradict.
3. Exactly one candidate, with one patient, that the destination has confirmed: its pseudonyms are made as
   de-identification makes them, if the patient consents.
"""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from handoff.contract.labels import Level
from processors.deid.keys import ProjectKeys
from processors.deid.pseudonyms import patient_pseudonym, pseudonymous_uid
from processors.dicom.header_scan import is_uid
from processors.labels.objects import Objects, Place
from processors.labels.reasons import Reason
from processors.labels.sheet import Line

_UIDS: Final = {"SOPInstanceUID": "instance", "SeriesInstanceUID": "series", "StudyInstanceUID": "study"}
"""Keys that are UIDs, the finest first, and their levels."""


class Target(NamedTuple):
    """What a row labels, by pseudonyms from the patient down to its level."""

    level: Level
    patient: str
    study: str | None = None
    series: str | None = None
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A target, and the originals behind it, by which values are looked at."""

    target: Target
    studies: tuple[str, ...]
    place: Place | None


class UnresolvedError(Exception):
    """The keys of this row name nothing that could be labelled; carries the code and nothing of the row."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class _Person(NamedTuple):
    """Issuer and Patient ID, in the form that they are compared in. PHI."""

    issuer: str
    patient_id: str

    def __repr__(self) -> str:
        """Without either."""
        return "_Person(…)"


class Resolver:
    """Resolves the rows of one import for one project."""

    def __init__(
        self, objects: Objects, keys: ProjectKeys, allowed: Callable[[str, str], bool] = lambda *_: True
    ) -> None:
        """Make one.

        Args:
            objects: what is known of what was received.
            keys: of the project.
            allowed: whether the patient of a Patient ID and an issuer lets the project have anything now.
        """
        self._objects = objects
        self._allowed = lru_cache(maxsize=None)(allowed)
        self._keys = keys
        self._uids: dict[str, str] = {}
        self._people: dict[str, str] = {}
        self._by_accession: dict[str, list[str]] | None = None
        self._by_patient: dict[str, dict[_Person, list[str]]] | None = None

    def prefetch(self, lines: Iterable[Line]) -> None:
        """Look up the keys of all lines at once."""
        wanted: dict[str, set[str]] = {level: set() for level in _UIDS.values()}
        for line in lines:
            for keyword, level in _UIDS.items():
                if uid := line.keys.get(keyword):
                    wanted[level].add(uid)
                    break
        for level, uids in wanted.items():
            self._objects.prefetch(level, uids)

    def resolve(self, keys: dict[str, str]) -> Resolved:
        """The one place that all keys of a row agree on.

        Raises:
            UnresolvedError: there is none, or more than one.
        """
        if any(keyword in keys and not is_uid(keys[keyword]) for keyword in _UIDS):
            raise UnresolvedError(Reason.KEY_MALFORMED)
        for keyword, level in _UIDS.items():
            if keyword in keys:
                return self._object(keys, level, self._objects.places(level, keys[keyword]))
        if "AccessionNumber" in keys:
            studies = self._accessions().get(keys["AccessionNumber"], [])
            return self._object(keys, "study", {p: s for uid in studies for p, s in self._study(uid).items()})
        if "PatientID" in keys:
            return self._patient(keys)
        raise UnresolvedError(Reason.NO_KEY)

    def _object(self, keys: dict[str, str], level: str, found: dict[Place, Reason | None]) -> Resolved:
        """(1) to (3) for a study, series or instance."""
        if not found:
            raise UnresolvedError(Reason.KEY_UNKNOWN)
        fitting = [place for place in found if self._fits(place, keys)]
        if len(fitting) != 1:
            raise UnresolvedError(Reason.KEY_AMBIGUOUS if fitting else Reason.KEYS_DISAGREE)
        place = fitting[0]
        if standing := found[place]:
            raise UnresolvedError(standing)
        owner = self._objects.facts(place.study).owner
        if owner is None:
            raise UnresolvedError(Reason.PATIENT_UNKNOWN)
        if owner.conflict:
            raise UnresolvedError(Reason.SEVERAL_PATIENTS)
        if not self._allowed(owner.patient_id, owner.issuer):
            raise UnresolvedError(Reason.NO_CONSENT)
        if place.study not in self._people:
            self._people[place.study] = patient_pseudonym(self._keys, owner.patient_id, owner.issuer)
        patient = self._people[place.study]
        uids = [self._pseudonym(uid) for uid in place if uid]
        return Resolved(Target(_LEVELS[level], patient, *uids), (place.study,), place)

    def _fits(self, place: Place, keys: dict[str, str]) -> bool:
        """(2): what other keys say of an object. Whose it is and its order are known once it was packed."""
        if keys.get("StudyInstanceUID", place.study) != place.study:
            return False
        if place.series and keys.get("SeriesInstanceUID", place.series) != place.series:
            return False
        if not {"PatientID", "IssuerOfPatientID", "AccessionNumber"} & keys.keys():
            return True
        facts = self._objects.facts(place.study)
        if "AccessionNumber" in keys and facts.said and facts.accession != keys["AccessionNumber"]:
            return False
        return facts.owner is None or _is(_person(facts.owner.patient_id, facts.owner.issuer), keys)

    def _patient(self, keys: dict[str, str]) -> Resolved:
        """A patient alone: one identity, of which the destination has at least one study."""
        known = self._patients().get(_nfc(keys["PatientID"]), {})
        fitting = {person: studies for person, studies in known.items() if _is(person, keys)}
        if not fitting:
            raise UnresolvedError(Reason.KEYS_DISAGREE if known else Reason.KEY_UNKNOWN)
        if len(fitting) > 1:
            raise UnresolvedError(Reason.KEY_AMBIGUOUS)
        [(person, studies)] = fitting.items()
        standings = {reason for uid in studies for reason in self._study(uid).values()}
        if None not in standings:
            raise UnresolvedError(next(reason for reason in Reason if reason in standings))
        if not self._allowed(person.patient_id, person.issuer):
            raise UnresolvedError(Reason.NO_CONSENT)
        target = Target("patient", patient_pseudonym(self._keys, person.patient_id, person.issuer))
        return Resolved(target, tuple(studies), None)

    def _study(self, uid: str) -> dict[Place, Reason | None]:
        return self._objects.places("study", uid)

    def _pseudonym(self, uid: str) -> str:
        if uid not in self._uids:
            self._uids[uid] = pseudonymous_uid(self._keys, uid)
        return self._uids[uid]

    def _accessions(self) -> dict[str, list[str]]:
        if self._by_accession is None:
            self._by_accession = {}
            for uid in self._all_studies():
                if accession := self._objects.facts(uid).accession:
                    self._by_accession.setdefault(accession, []).append(uid)
        return self._by_accession

    def _patients(self) -> dict[str, dict[_Person, list[str]]]:
        """Patients by their ID; a study that came with two identities is nobody's."""
        if self._by_patient is None:
            self._by_patient = {}
            for uid in self._all_studies():
                owner = self._objects.facts(uid).owner
                if owner is not None and not owner.conflict:
                    person = _person(owner.patient_id, owner.issuer)
                    self._by_patient.setdefault(person.patient_id, {}).setdefault(person, []).append(uid)
        return self._by_patient

    def _all_studies(self) -> list[str]:
        studies = self._objects.studies()
        self._objects.prefetch("study", studies)
        return studies


_LEVELS: Final[dict[str, Level]] = {"study": "study", "series": "series", "instance": "instance"}


def _person(patient_id: str, issuer: str) -> _Person:
    return _Person(_nfc(issuer), _nfc(patient_id))


def _nfc(text: str) -> str:
    """As `processors.deid.pseudonyms.identity` compares them."""
    return unicodedata.normalize("NFC", text.strip(" \0"))


def _is(person: _Person, keys: dict[str, str]) -> bool:
    """Whether this is the patient that the keys name, as far as they name one."""
    fits = "PatientID" not in keys or _nfc(keys["PatientID"]) == person.patient_id
    return fits and ("IssuerOfPatientID" not in keys or _nfc(keys["IssuerOfPatientID"]) == person.issuer)
