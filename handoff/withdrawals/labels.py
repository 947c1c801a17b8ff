"""Delete label rows of what was withdrawn: those whose instance, series, study or patient nothing live is left of.

Labels of what never arrived stay: what they label may come. So only rows of patients of the withdrawn shipments are
looked at, and of a patient with anything live only those that name something withdrawn.
"""

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from handoff.database.tables import Instance, LabelRowRecord, Shipment, Study
from handoff.withdrawals.gate import in_parts


def drop_labels(session: Session, project: str, patients: Iterable[str]) -> int:
    """Delete the label rows that withdrawn shipments of these patients leave without a target; returns how many."""
    dropped = 0
    for patient in sorted(set(patients)):
        gone = _Gone.of(session, project, patient)
        mine = delete(LabelRowRecord).where(LabelRowRecord.project == project, LabelRowRecord.patient == patient)
        if gone.whole:
            dropped += _count(session.execute(mine))
            continue
        for column, values in (
            (LabelRowRecord.study_uid, gone.studies),
            (LabelRowRecord.series_uid, gone.series),
            (LabelRowRecord.sop_instance_uid, gone.instances),
        ):
            for part in in_parts(values):
                dropped += _count(session.execute(mine.where(column.in_(part))))
    return dropped


def labelled(session: Session, project: str, patients: Iterable[str]) -> list[str]:
    """Those of the patients that have label rows; most have none."""
    found: set[str] = set()
    for part in in_parts(patients):
        some = LabelRowRecord.project == project, LabelRowRecord.patient.in_(part)
        found.update(session.scalars(select(LabelRowRecord.patient).where(*some).distinct()))
    return sorted(found)


def drop_labels_of_document(session: Session, document_id: str) -> int:
    """The same for a document that came after a withdrawal."""
    named = select(LabelRowRecord.project, LabelRowRecord.patient).where(LabelRowRecord.document_id == document_id)
    withdrawn = select(Shipment.patient).where(
        Shipment.project == LabelRowRecord.project,
        Shipment.patient == LabelRowRecord.patient,
        Shipment.withdrawn_by.is_not(None),
    )
    found = session.execute(named.where(withdrawn.exists()).distinct()).all()
    return sum(drop_labels(session, project, [patient]) for project, patient in found)


class _Gone:
    """What of one patient is only in withdrawn shipments."""

    def __init__(self, *, whole: bool, studies: set[str], series: set[str], instances: set[str]) -> None:
        self.whole = whole
        self.studies = studies
        self.series = series
        self.instances = instances

    @classmethod
    def of(cls, session: Session, project: str, patient: str) -> "_Gone":
        of_patient = Shipment.project == project, Shipment.patient == patient
        rows = session.execute(
            select(Study.study_uid, Shipment.series_uid, Shipment.id, Shipment.withdrawn_by)
            .join(Study, Study.id == Shipment.study_id)
            .where(*of_patient)
        ).all()
        live = [row for row in rows if row[3] is None]
        dead = [row for row in rows if row[3] is not None]
        held = select(Instance.sop_instance_uid).join(Shipment, Shipment.id == Instance.shipment_id).where(*of_patient)
        kept = set(session.scalars(held.where(Shipment.withdrawn_by.is_(None)))) if dead else set()
        lost = set(session.scalars(held.where(Shipment.withdrawn_by.is_not(None)))) if dead else set()
        return cls(
            whole=bool(dead) and not live,
            studies={row[0] for row in dead} - {row[0] for row in live},
            series={row[1] for row in dead} - {row[1] for row in live},
            instances=lost - kept,
        )


def _count(result: object) -> int:
    return int(getattr(result, "rowcount", 0))
