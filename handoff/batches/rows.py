"""The instances of studies, as the lines of a batch need them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.contract.batch import InstanceLine, Split
from handoff.contract.shipment import member_name
from handoff.database.tables import Instance, Shipment, Study
from handoff.store import Store
from handoff.store.store import package_path

_STUDIES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One current instance of a complete study."""

    instance: Instance
    shipment: Shipment
    study: Study

    def line(self, store: Store, split: Split) -> InstanceLine:
        """The line of `batch_uri`."""
        return InstanceLine(
            package=store.uri(package_path(self.shipment.sha256)),
            member=member_name(self.instance.sop_instance_uid),
            digest=self.instance.digest,
            sop_instance_uid=self.instance.sop_instance_uid,
            sop_class_uid=self.instance.sop_class_uid,
            patient=self.shipment.patient,
            study=self.study.study_uid,
            series=self.shipment.series_uid,
            modality=self.shipment.modality,
            annotation=self.instance.annotation,
            references=tuple(self.instance.references),
            split=split,
        )


def batch_rows(session: Session, studies: Sequence[Study]) -> list[BatchRow]:
    """Current instances of the studies, by patient, study, series and UID."""
    rows: list[BatchRow] = []
    by_id = {study.id: study for study in studies}
    ids = sorted(by_id)
    for start in range(0, len(ids), _STUDIES_AT_ONCE):
        chosen = (
            select(Instance, Shipment)
            .join(Shipment, Shipment.id == Instance.shipment_id)
            .where(Instance.study_id.in_(ids[start : start + _STUDIES_AT_ONCE]), Instance.current)
        )
        rows += [
            BatchRow(instance, shipment, by_id[instance.study_id]) for instance, shipment in session.execute(chosen)
        ]
    return sorted(rows, key=_order)


def _order(row: BatchRow) -> tuple[str, str, str, str]:
    return row.shipment.patient, row.study.study_uid, row.shipment.series_uid, row.instance.sop_instance_uid
