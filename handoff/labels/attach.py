"""Which label values belong to the instances of a batch: by pseudonyms alone, and only where all of a row's fit.

Of two values for one name of one thing from one source, that of the higher revision holds. Values of two sources stand
beside each other, each with its source.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from handoff.contract.batch import LabelLine, Split
from handoff.contract.labels import LabelValue
from handoff.database.tables import LabelRowRecord
from handoff.schemas.batches import LabelChoice

_AT_ONCE = 500
_Chosen = TypeVar("_Chosen", bound=Select[Any])
Place = tuple[str, str, str, str]
"""Patient, study, series and instance of one instance."""


class LabelledStudy(Protocol):
    """What labels are matched with of a study."""

    @property
    def id(self) -> int:
        """Its row number."""

    @property
    def project(self) -> str:
        """Its project."""

    @property
    def study_uid(self) -> str:
        """Its pseudonymous UID."""

    @property
    def patient(self) -> str | None:
        """Its patient's pseudonym."""


@dataclass(frozen=True, slots=True)
class AttachedLabel:
    """One value of one thing of a batch, and the document that it holds by."""

    row: LabelRowRecord
    name: str
    value: LabelValue

    def content(self) -> tuple[str, str, str, str, LabelValue]:
        """What is part of the batch's identity: neither the document nor the revision that brought it."""
        target = self.row.sop_instance_uid or self.row.series_uid or self.row.study_uid or self.row.patient
        return self.row.level, target, self.name, self.row.source, self.value

    def line(self, split: Split) -> LabelLine:
        """The line of `batch_uri`."""
        row = self.row
        return LabelLine.model_validate(
            {
                "level": row.level,
                "patient": row.patient,
                "study": row.study_uid,
                "series": row.series_uid,
                "sop_instance_uid": row.sop_instance_uid,
                "name": self.name,
                "value": self.value,
                "source": row.source,
                "split": split,
            }
        )


def attached_labels(
    session: Session, project: str, choice: LabelChoice, places: Iterable[Place]
) -> list[AttachedLabel]:
    """The wanted values of what a batch holds of some patients, in a fixed order.

    Args:
        session: of one consistent look.
        project: whose labels.
        choice: which of them.
        places: patient, study, series and UID of each instance; of a patient all that the batch holds.
    """
    holds = _Things.of(places)
    newest: dict[tuple[str, ...], AttachedLabel] = {}
    for row in _candidates(session, project, choice, holds):
        if not holds.has(row):
            continue
        for name, value in row.labels.items():
            if not choice.wants(name, row.source):
                continue
            key = (*_place(row), name, row.source)
            known = newest.get(key)
            if known is None or (known.row.revision, known.row.id) < (row.revision, row.id):
                newest[key] = AttachedLabel(row, name, value)
    return [newest[key] for key in sorted(newest)]


def labelled_studies(session: Session, studies: Sequence[LabelledStudy], choice: LabelChoice) -> set[int]:
    """Ids of those studies of one project that have at least one wanted label, of their own or of their patient."""
    if not studies:
        return set()
    named: set[tuple[str | None, str]] = set()
    row = LabelRowRecord
    chosen = _wanted(select(row.study_uid, row.patient, row.source, row.labels), choice)
    pages = chosen.where(row.project == studies[0].project).execution_options(yield_per=_AT_ONCE)  # a project has many
    for study, patient, source, labels in session.execute(pages):
        if any(choice.wants(name, source) for name in labels):
            named.add((study, patient))
    return {
        study.id
        for study in studies
        if study.patient is not None and ((study.study_uid, study.patient) in named or (None, study.patient) in named)
    }


@dataclass(frozen=True, slots=True)
class _Things:
    """What a batch holds, by the pseudonyms that a label may name; each with its place, from the patient down."""

    places: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, instances: Iterable[Place]) -> "_Things":
        places: set[tuple[str, ...]] = set()
        for place in instances:
            places.update(place[:depth] for depth in range(1, 5))
        return cls(frozenset(places))

    def has(self, row: LabelRowRecord) -> bool:
        return _place(row) in self.places

    def at(self, depth: int) -> list[str]:
        return sorted({place[-1] for place in self.places if len(place) == depth})


def _place(row: LabelRowRecord) -> tuple[str, ...]:
    return tuple(
        part for part in (row.patient, row.study_uid, row.series_uid, row.sop_instance_uid) if part is not None
    )


def _candidates(session: Session, project: str, choice: LabelChoice, holds: _Things) -> Iterator[LabelRowRecord]:
    """Rows that name a study of the batch, or a patient of it and no study."""
    mine = _wanted(select(LabelRowRecord).where(LabelRowRecord.project == project), choice)
    for uids in _chunks(holds.at(2)):
        yield from session.scalars(mine.where(LabelRowRecord.study_uid.in_(uids)))
    for patients in _chunks(holds.at(1)):
        of_patients = LabelRowRecord.patient.in_(patients), LabelRowRecord.study_uid.is_(None)
        yield from session.scalars(mine.where(*of_patients))


def _wanted(chosen: _Chosen, choice: LabelChoice) -> _Chosen:
    return chosen if choice.sources is None else chosen.where(LabelRowRecord.source.in_(choice.sources))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
