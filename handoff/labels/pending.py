"""Which rows of a document still wait for what they label: it never arrived here under these pseudonyms."""

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from handoff.database.tables import Instance, LabelRowRecord, Shipment, Study


def pending_rows(session: Session, document_id: str) -> dict[str, int]:
    """How many rows wait, by their level; levels of which none waits are left out."""
    waiting = {}
    for level, known in _known_by_level().items():
        chosen = select(func.count()).select_from(LabelRowRecord)
        of_level = LabelRowRecord.document_id == document_id, LabelRowRecord.level == level
        number = session.scalar(chosen.where(*of_level, ~known))
        if number:
            waiting[level] = number
    return waiting


def _known_by_level() -> dict[str, ColumnElement[bool]]:
    """Whether what a row labels is here: patient, study, series and instance must all be those of the row."""
    row = LabelRowRecord
    of_patient = and_(Study.project == row.project, Study.patient == row.patient)
    of_study = and_(of_patient, Study.study_uid == row.study_uid)
    of_series = and_(of_study, Shipment.study_id == Study.id, Shipment.series_uid == row.series_uid)
    of_instance = and_(
        of_series, Instance.shipment_id == Shipment.id, Instance.sop_instance_uid == row.sop_instance_uid
    )
    return {
        "patient": exists().where(of_patient).correlate(row),
        "study": exists().where(of_study).correlate(row),
        "series": exists().where(of_series).correlate(row),
        "instance": exists().where(of_instance).correlate(row),
    }
