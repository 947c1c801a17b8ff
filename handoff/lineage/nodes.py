"""Which thing an id names."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.tables import (
    Batch,
    EvidenceMessage,
    Handoff,
    Instance,
    LabelDocument,
    ModelVersion,
    ResultFileRow,
    Shipment,
    Study,
)
from handoff.models.aliases import SEPARATOR, find_model
from handoff.schemas.trace import NodeKind

NUMBERED: frozenset[NodeKind] = frozenset({"study", "instance"})
"""Kinds whose primary key is a number."""
_MOST = 1000
"""Things that one UID may stand for here."""


@dataclass(frozen=True, slots=True)
class Node:
    """A thing by its kind and primary key; a file's is that of its handoff, a slash, and its path."""

    kind: NodeKind
    key: str


def find(session: Session, identifier: str) -> list[Node]:
    """All things that the id names: a UID may be a study, a series or an instance; a re-sent instance is several."""
    if SEPARATOR in identifier:
        model = find_model(session, identifier)
        return [Node("model", model.id)] if model else []
    handoff_id, slash, path = identifier.partition("/")
    if slash:
        return [Node("file", identifier)] if session.get(ResultFileRow, (handoff_id, path)) else []
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
        found = session.scalars(chosen.limit(_MOST)).all()
        if found:
            return [Node(kind, str(key)) for key in found]
    return []


def _by_uid(uid: str) -> list[tuple[NodeKind, Any]]:
    return [
        ("study", select(Study.id).where(Study.study_uid == uid)),
        ("instance", select(Instance.id).where(Instance.sop_instance_uid == uid)),
        ("shipment", select(Shipment.id).where(Shipment.series_uid == uid)),
    ]
