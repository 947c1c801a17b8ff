"""C-FIND in the Study Root model (PS3.4 C.6.2): which studies there are, and how many instances they have."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRootFind

from processors.dicom.associate import associated, lost
from processors.peers import Peer
from processors.pull.errors import FindFailedError
from processors.pull.question import Question

_PENDING: Final = frozenset({0xFF00, 0xFF01})
_SUCCESS: Final = 0x0000
_MUST_BE_ECHOED: Final = ("StudyInstanceUID", "PatientID", "AccessionNumber")


@dataclass(frozen=True, slots=True, repr=False)
class FoundStudy:
    """A study as the peer has it. PHI: it has no revealing repr."""

    study_uid: str
    instances: int

    def __repr__(self) -> str:
        return f"FoundStudy({self.instances})"


@dataclass(frozen=True, slots=True, repr=False)
class FoundInstance:
    """An instance as the peer has it. PHI: it has no revealing repr."""

    sop_instance_uid: str
    sop_class_uid: str
    series_uid: str

    def __repr__(self) -> str:
        return "FoundInstance(…)"


class Query:
    """One association on which questions are asked one after the other."""

    def __init__(self, peer: Peer, association: Any) -> None:
        self._peer = peer
        self._association = association
        self._message = 0

    @classmethod
    @contextmanager
    def open(cls, peer: Peer) -> Iterator[Self]:
        """Associate; released at the end.

        Raises:
            PeerError: there is no association.
        """
        context = build_context(StudyRootFind, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        with associated(peer, [context]) as association:
            yield cls(peer, association)

    def studies(self, question: Question) -> list[FoundStudy]:
        """The studies that match, each with its number of instances.

        Raises:
            FindFailedError: the peer answers with a failure, or with what was not asked for.
            PeerLostError: it fell silent.
        """
        identifier = self._identifier("STUDY", question.keys)
        for keyword in ("StudyInstanceUID", "NumberOfStudyRelatedInstances"):
            if keyword not in identifier:
                setattr(identifier, keyword, "" if keyword == "StudyInstanceUID" else None)
        found: dict[str, int | None] = {}
        for answer in self._ask(identifier):
            self._check(question, answer)
            found[_text(answer, "StudyInstanceUID")] = _number(answer, "NumberOfStudyRelatedInstances")
        return [FoundStudy(uid, self.count(uid) if number is None else number) for uid, number in found.items() if uid]

    def count(self, study_uid: str) -> int:
        """Instances of a study, series by series, for a peer that does not count by study."""
        return sum(len(self._of_series(study_uid, uid)) if n is None else n for uid, n in self._series(study_uid))

    def instances(self, study_uid: str) -> list[FoundInstance]:
        """All instances of a study."""
        return [one for uid, _ in self._series(study_uid) for one in self._of_series(study_uid, uid)]

    def _series(self, study_uid: str) -> list[tuple[str, int | None]]:
        identifier = self._identifier("SERIES", {"StudyInstanceUID": study_uid})
        identifier.SeriesInstanceUID = ""
        identifier.NumberOfSeriesRelatedInstances = None
        return [
            (_text(answer, "SeriesInstanceUID"), _number(answer, "NumberOfSeriesRelatedInstances"))
            for answer in self._ask(identifier)
        ]

    def _of_series(self, study_uid: str, series_uid: str) -> list[FoundInstance]:
        identifier = self._identifier("IMAGE", {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid})
        identifier.SOPInstanceUID = identifier.SOPClassUID = ""
        return [
            FoundInstance(_text(answer, "SOPInstanceUID"), _text(answer, "SOPClassUID"), series_uid)
            for answer in self._ask(identifier)
        ]

    def _identifier(self, level: str, keys: dict[str, str]) -> Dataset:
        identifier = Dataset()
        identifier.QueryRetrieveLevel = level
        if not all(value.isascii() for value in keys.values()):
            identifier.SpecificCharacterSet = "ISO_IR 192"
        for keyword, value in keys.items():
            setattr(identifier, keyword, value)
        return identifier

    def _ask(self, identifier: Dataset) -> Iterator[Dataset]:
        self._message = self._message % 65535 + 1
        if not self._association.is_established:
            raise lost(self._peer)
        for status, answer in self._association.send_c_find(identifier, StudyRootFind, msg_id=self._message):
            if "Status" not in status:
                raise lost(self._peer)
            if status.Status in _PENDING and answer is not None:
                yield answer
            elif status.Status not in _PENDING and status.Status != _SUCCESS:
                raise FindFailedError(f"Peer {self._peer.name} answers C-FIND with {status.Status:04X}.")

    def _check(self, question: Question, answer: Dataset) -> None:
        """A peer that ignores a key would give us other people's studies."""
        for keyword in _MUST_BE_ECHOED:
            asked = question.keys.get(keyword)
            if asked and _text(answer, keyword) != asked:
                raise FindFailedError(
                    f"Peer {self._peer.name} answers with studies of another {keyword} than was asked for"
                    f" (question {question.number})."
                )


def _text(answer: Dataset, keyword: str) -> str:
    return str(answer.get(keyword) or "").strip(" \0")


def _number(answer: Dataset, keyword: str) -> int | None:
    written = _text(answer, keyword)
    return int(written) if written.isdecimal() else None
