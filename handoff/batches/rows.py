"""The instances of studies, as the lines of a batch need them; only those of some patients at a time are held."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.batches.select import ChosenStudy
from handoff.contract.batch import Split
from handoff.contract.shipment import member_name
from handoff.database.tables import Instance, Shipment, Study
from handoff.labels.attach import Place
from handoff.store import Store
from handoff.store.store import package_path

_STUDIES_AT_ONCE = 50


_COLUMNS = (
    Shipment.patient,
    Instance.study_id,
    Shipment.series_uid,
    Instance.sop_instance_uid,
    Instance.id,
    Instance.digest,
    Instance.sop_class_uid,
    Instance.annotation,
    Instance.references,
    Shipment.id,
    Shipment.sha256,
    Shipment.modality,
    Shipment.treatment,
)


class BatchRow(NamedTuple):
    """One current instance of a complete study."""

    patient: str
    study: str
    series: str
    sop_instance_uid: str
    id: int
    digest: str
    sop_class_uid: str
    annotation: bool
    references: list[str]
    shipment: str
    package: str
    """SHA-256 of its package."""
    modality: str
    treatment: dict[str, str]

    @property
    def place(self) -> Place:
        """Where it belongs, from the patient down."""
        return self[:4]

    def line(self, store: Store, split: Split) -> dict[str, object]:
        """An `InstanceLine` of `batch_uri` as JSON types; each part was checked when it arrived, so it is not again."""
        return {
            "kind": "instance",
            "package": store.uri(package_path(self.package)),
            "member": member_name(self.sop_instance_uid),
            "digest": self.digest,
            "sop_instance_uid": self.sop_instance_uid,
            "sop_class_uid": self.sop_class_uid,
            "patient": self.patient,
            "study": self.study,
            "series": self.series,
            "modality": self.modality,
            "annotation": self.annotation,
            "references": self.references,
            "split": split,
        }


class ChangedError(Exception):
    """A study changed between its choice and its reading; the batch is begun anew."""


def batch_rows(session: Session, studies: Sequence[ChosenStudy]) -> list[BatchRow]:
    """Current instances of some studies, by patient, study, series and UID.

    Raises:
        ChangedError: a study is not the version any more that was chosen.
    """
    ids = [study.id for study in studies]
    now = select(Study.id, Study.version).where(Study.id.in_(ids), Study.state == "complete")
    if {(study.id, study.version) for study in studies} != {tuple(row) for row in session.execute(now)}:
        raise ChangedError
    uids = {study.id: study.study_uid for study in studies}
    chosen = (
        select(*_COLUMNS)
        .join(Shipment, Shipment.id == Instance.shipment_id)
        .where(Instance.study_id.in_(ids), Instance.current, Shipment.withdrawn_by.is_(None))
    )
    rows = [BatchRow(row[0], uids[row[1]], *row[2:]) for row in session.execute(chosen)]
    return sorted(rows, key=lambda row: row.place)


def by_patients(studies: Sequence[ChosenStudy]) -> Iterator[list[ChosenStudy]]:
    """Some studies at a time, all of one patient together; they come sorted by patient."""
    some: list[ChosenStudy] = []
    for _, of_patient in groupby(studies, key=lambda study: study.patient):
        some += of_patient
        if len(some) >= _STUDIES_AT_ONCE:
            yield some
            some = []
    if some:
        yield some
