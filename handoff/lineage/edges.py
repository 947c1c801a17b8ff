"""One step up and one step down from each kind of thing, as data.

Shipments lead to batches by the very instances that a batch holds, not by their study: a study may have grown since.
So a study's own steps are taken only from the study.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from handoff.database.tables import (
    BatchInstance,
    BatchLabels,
    BatchStudy,
    EvidenceMessage,
    Handoff,
    Instance,
    ModelVersion,
    ResultFileRow,
    Shipment,
)
from handoff.lineage.nodes import Node

Step = Callable[[Session, str], Iterator[Node]]


def _of_instance_up(session: Session, key: str) -> Iterator[Node]:
    yield Node("shipment", session.get_one(Instance, int(key)).shipment_id)


def _of_instance_down(session: Session, key: str) -> Iterator[Node]:
    for batch in session.scalars(select(BatchInstance.batch_id).where(BatchInstance.instance_id == int(key))):
        yield Node("batch", batch)


def _of_shipment_down(session: Session, key: str) -> Iterator[Node]:
    chosen = select(BatchInstance.batch_id).join(Instance, Instance.id == BatchInstance.instance_id)
    for batch in session.scalars(chosen.where(Instance.shipment_id == key).distinct()):
        yield Node("batch", batch)


def _of_study_up(session: Session, key: str) -> Iterator[Node]:
    for shipment in session.scalars(select(Shipment.id).where(Shipment.study_id == int(key))):
        yield Node("shipment", shipment)
    for evidence in session.scalars(select(EvidenceMessage.id).where(EvidenceMessage.study_id == int(key))):
        yield Node("evidence", evidence)


def _of_study_down(session: Session, key: str) -> Iterator[Node]:
    for batch in session.scalars(select(BatchStudy.batch_id).where(BatchStudy.study_id == int(key))):
        yield Node("batch", batch)


def _of_evidence_down(session: Session, key: str) -> Iterator[Node]:
    yield Node("study", str(session.get_one(EvidenceMessage, key).study_id))


def _of_batch_up(session: Session, key: str) -> Iterator[Node]:
    chosen = select(Instance.shipment_id).join(BatchInstance, BatchInstance.instance_id == Instance.id)
    for shipment in session.scalars(chosen.where(BatchInstance.batch_id == key).distinct()):
        yield Node("shipment", shipment)
    for labels in session.scalars(select(BatchLabels.document_id).where(BatchLabels.batch_id == key)):
        yield Node("labels", labels)


def _of_labels_down(session: Session, key: str) -> Iterator[Node]:
    for batch in session.scalars(select(BatchLabels.batch_id).where(BatchLabels.document_id == key)):
        yield Node("batch", batch)


def _of_batch_down(session: Session, key: str) -> Iterator[Node]:
    for handoff in session.scalars(select(Handoff.id).where(Handoff.batch_id == key)):
        yield Node("handoff", handoff)


def _of_handoff_up(session: Session, key: str) -> Iterator[Node]:
    row = session.get_one(Handoff, key)
    yield Node("batch", row.batch_id)
    if row.prepared_by is not None:
        yield Node("handoff", row.prepared_by)
    if row.model_id is not None:
        yield Node("model", row.model_id)


def _of_handoff_down(session: Session, key: str) -> Iterator[Node]:
    for later in session.scalars(select(Handoff.id).where(Handoff.prepared_by == key)):
        yield Node("handoff", later)
    for model in session.scalars(select(ModelVersion.id).where(ModelVersion.handoff_id == key)):
        yield Node("model", model)
    told = or_(ResultFileRow.role == "segmentation", ResultFileRow.role == "report", ResultFileRow.role == "model")
    for path in session.scalars(select(ResultFileRow.path).where(ResultFileRow.handoff_id == key, told)):
        yield Node("file", f"{key}/{path}")


def _of_model_up(session: Session, key: str) -> Iterator[Node]:
    yield Node("handoff", session.get_one(ModelVersion, key).handoff_id)


def _of_model_down(session: Session, key: str) -> Iterator[Node]:
    for handoff in session.scalars(select(Handoff.id).where(Handoff.model_id == key)):
        yield Node("handoff", handoff)


def _of_file_up(_session: Session, key: str) -> Iterator[Node]:
    yield Node("handoff", key.partition("/")[0])


UP: dict[str, Step] = {
    "instance": _of_instance_up,
    "study": _of_study_up,
    "batch": _of_batch_up,
    "handoff": _of_handoff_up,
    "model": _of_model_up,
    "file": _of_file_up,
}
DOWN: dict[str, Step] = {
    "instance": _of_instance_down,
    "shipment": _of_shipment_down,
    "evidence": _of_evidence_down,
    "labels": _of_labels_down,
    "study": _of_study_down,
    "batch": _of_batch_down,
    "handoff": _of_handoff_down,
    "model": _of_model_down,
}
