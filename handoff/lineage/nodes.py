"""Which thing an id names, and what is worth saying of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.tables import (
    Batch,
    EvidenceMessage,
    Handoff,
    Instance,
    LabelDocument,
    ModelVersion,
    PipelineVersion,
    ResultFileRow,
    Shipment,
    Study,
)
from handoff.schemas.trace import NodeKind


@dataclass(frozen=True, slots=True)
class Node:
    """A thing by its kind and primary key; `str` is what a trace calls it."""

    kind: NodeKind
    key: str


def find(session: Session, identifier: str) -> list[Node]:
    """All things that the id names: a UID may be a study, a series or an instance; a re-sent instance is several."""
    direct: list[tuple[NodeKind, type[Any]]] = [
        ("shipment", Shipment),
        ("evidence", EvidenceMessage),
        ("labels", LabelDocument),
        ("batch", Batch),
        ("handoff", Handoff),
        ("model", ModelVersion),
    ]
    for kind, table in direct:
        if session.get(table, identifier) is not None:
            return [Node(kind, identifier)]
    by_key = session.scalar(select(Handoff.id).where(Handoff.key == identifier))
    if by_key is not None:
        return [Node("handoff", by_key)]
    for kind, chosen in _by_uid(identifier):
        found = session.scalars(chosen).all()
        if found:
            return [Node(kind, str(key)) for key in found]
    return []


def _by_uid(uid: str) -> list[tuple[NodeKind, Any]]:
    return [
        ("study", select(Study.id).where(Study.study_uid == uid)),
        ("instance", select(Instance.id).where(Instance.sop_instance_uid == uid)),
        ("shipment", select(Shipment.id).where(Shipment.series_uid == uid)),
    ]


def describe(session: Session, node: Node) -> tuple[str, dict[str, Any]]:
    """The id that people know, and facts without a receive time or an address."""
    return _DESCRIBE[node.kind](session, node.key)


def _shipment(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    row = session.get_one(Shipment, key)
    return key, {
        "project": row.project,
        "series": row.series_uid,
        "modality": row.modality,
        "sha256": row.sha256,
        "delivered": row.delivered,
        "withheld": row.withheld,
        "treatment": row.treatment,
    }


def _evidence(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    body = session.get_one(EvidenceMessage, key).body
    said = ("ending", "total", "duplicates", "variants", "expected", "delivered", "withheld", "elsewhere", "held")
    return key, {name: body[name] for name in said if name in body}


def _labels(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    row = session.get_one(LabelDocument, key)
    return key, {"project": row.project, "source": row.source, "revision": row.revision, "rows": row.rows}


def _study(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    row = session.get_one(Study, int(key))
    return row.study_uid, {"project": row.project, "patient": row.patient, "state": row.state, "version": row.version}


def _instance(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    row = session.get_one(Instance, int(key))
    return row.sop_instance_uid, {
        "shipment": row.shipment_id,
        "digest": row.digest,
        "annotation": row.annotation,
        "current": row.current,
    }


def _batch(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    row = session.get_one(Batch, key)
    facts = {"project": row.project, "instances": row.instances, "annotations": row.annotations}
    return key, {**facts, "labels": row.facts.get("labels", 0)}


def _handoff(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    row = session.get_one(Handoff, key)
    pipeline = session.get_one(PipelineVersion, row.pipeline_id)
    counted = select(func.count()).select_from(ResultFileRow).where(ResultFileRow.handoff_id == key)
    return key, {
        "kind": row.kind,
        "key": row.key,
        "state": row.state,
        "reason": row.reason,
        "target": row.target,
        "pipeline": pipeline.name,
        "pipeline_version": pipeline.id,
        "spec_digest": row.spec_digest,
        "files": session.scalar(counted),
    }


def _model(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    row = session.get_one(ModelVersion, key)
    return key, {"spec_digest": row.spec_digest, "metrics": row.metrics}


def _file(session: Session, key: str) -> tuple[str, dict[str, Any]]:
    handoff_id, _, path = key.partition("/")
    row = session.get_one(ResultFileRow, (handoff_id, path))
    facts = {"role": row.role, "sha256": row.sha256, "size": row.size, "media_type": row.media_type}
    if row.object_id is not None:
        facts |= {"object": row.object_id, "acknowledged": row.acknowledged_as, "held_because": row.held_because}
    return key, facts


_DESCRIBE: dict[NodeKind, Callable[[Session, str], tuple[str, dict[str, Any]]]] = {
    "shipment": _shipment,
    "evidence": _evidence,
    "labels": _labels,
    "study": _study,
    "instance": _instance,
    "batch": _batch,
    "handoff": _handoff,
    "model": _model,
    "file": _file,
}
