"""One step up and one step down from each kind of thing, as data: which column leads to which.

Shipments lead to batches by the very instances that a batch holds, not by their study: a study may have grown since.
So a study's own steps are taken only from the study. What is not formed yet is no batch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from handoff.database.tables import (
    Batch,
    BatchInstance,
    BatchLabels,
    BatchShipment,
    BatchStudy,
    EvidenceMessage,
    Handoff,
    Instance,
    ModelVersion,
    ResultFileRow,
    Shipment,
)
from handoff.lineage.nodes import NUMBERED, Node
from handoff.schemas.trace import NodeKind, Way

_TOLD_ROLES = ("segmentation", "report", "model")
"""Files that are worth a node; volumes are many, and stand for their handoff."""


@dataclass(frozen=True, slots=True)
class Step:
    """From things of one kind to the next ones of another: the columns of a table that name both."""

    source: NodeKind
    target: NodeKind
    here: InstrumentedAttribute[Any]
    there: InstrumentedAttribute[Any]
    only: tuple[ColumnElement[bool], ...] = ()

    def take(
        self, session: Session, sources: Collection[Node], limit: int, after: str | None = None
    ) -> Sequence[tuple[Node, Node]]:
        """At most so many pairs of a source and what is next to it, by source and then by what is next.

        Args:
            session: for reading.
            sources: all of this step's kind; as many as a statement takes.
            limit: of pairs.
            after: of a single source, the key after which to go on.
        """
        chosen = select(self.here, self.there).where(self.here.in_([_value(node) for node in sources]), *self.only)
        if after is not None:
            chosen = chosen.where(self.there > (int(after) if self.target in NUMBERED else after))
        if self.there.nullable:
            chosen = chosen.where(self.there.is_not(None))
        rows = session.execute(chosen.order_by(self.here, self.there).limit(limit)).all()
        return [(Node(self.source, str(here)), self._next(here, there)) for here, there in rows]

    def _next(self, here: Any, there: Any) -> Node:
        return Node(self.target, f"{here}/{there}" if self.target == "file" else str(there))


def _formed(batch_id: InstrumentedAttribute[str]) -> tuple[ColumnElement[bool], ...]:
    return (exists().where(Batch.id == batch_id, Batch.formed),)


def _value(node: Node) -> str | int:
    return int(node.key) if node.kind in NUMBERED else node.key


STEPS: dict[Way, tuple[Step, ...]] = {
    "up": (
        Step("instance", "shipment", Instance.id, Instance.shipment_id),
        Step("study", "shipment", Shipment.study_id, Shipment.id),
        Step("study", "evidence", EvidenceMessage.study_id, EvidenceMessage.id),
        Step("batch", "shipment", BatchShipment.batch_id, BatchShipment.shipment_id),
        Step("batch", "labels", BatchLabels.batch_id, BatchLabels.document_id),
        Step("handoff", "batch", Handoff.id, Handoff.batch_id),
        Step("handoff", "handoff", Handoff.id, Handoff.prepared_by),
        Step("handoff", "model", Handoff.id, Handoff.model_id),
        Step("model", "handoff", ModelVersion.id, ModelVersion.handoff_id),
    ),
    "down": (
        Step("instance", "batch", BatchInstance.instance_id, BatchInstance.batch_id, _formed(BatchInstance.batch_id)),
        Step("shipment", "batch", BatchShipment.shipment_id, BatchShipment.batch_id, _formed(BatchShipment.batch_id)),
        Step("evidence", "study", EvidenceMessage.id, EvidenceMessage.study_id),
        Step("labels", "batch", BatchLabels.document_id, BatchLabels.batch_id, _formed(BatchLabels.batch_id)),
        Step("study", "batch", BatchStudy.study_id, BatchStudy.batch_id, _formed(BatchStudy.batch_id)),
        Step("batch", "handoff", Handoff.batch_id, Handoff.id),
        Step("handoff", "handoff", Handoff.prepared_by, Handoff.id),
        Step("handoff", "model", ModelVersion.handoff_id, ModelVersion.id),
        Step("handoff", "file", ResultFileRow.handoff_id, ResultFileRow.path, (ResultFileRow.role.in_(_TOLD_ROLES),)),
        Step("model", "handoff", Handoff.model_id, Handoff.id),
    ),
}


def handoff_of(file: Node) -> Node:
    """The one step that no table is asked for: a file's key begins with its handoff."""
    return Node("handoff", file.key.partition("/")[0])
