"""What is worth saying of things, all of a kind at once: no receive time, no address, no person.

Of what a line may have by the thousand only the columns that are told are read: decoding the rest costs most.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from handoff.lineage.nodes import Node
from handoff.models.aliases import aliases_of
from handoff.models.evaluations import newest_figures
from handoff.schemas.trace import NodeKind

_AT_ONCE = 500
_RULE = "rule:"
"""Before the name of a rule that asked for a handoff; of people nothing is said."""
_SAID_BY_EVIDENCE = (
    "ending",
    "total",
    "duplicates",
    "variants",
    "expected",
    "delivered",
    "withheld",
    "elsewhere",
    "held",
)


@dataclass(frozen=True, slots=True)
class Described:
    """The id that people know a thing by, its project, and facts."""

    id: str
    project: str
    facts: dict[str, Any]


Rows = Iterator[tuple[str, Described]]


def describe(session: Session, nodes: Iterable[Node]) -> dict[Node, Described]:
    """Describe things in their order; one that is gone is left out."""
    wanted = list(nodes)
    by_kind: dict[NodeKind, list[str]] = defaultdict(list)
    for node in wanted:
        by_kind[node.kind].append(node.key)
    found: dict[Node, Described] = {}
    for kind, keys in by_kind.items():
        for start in range(0, len(keys), _AT_ONCE):
            chunk = keys[start : start + _AT_ONCE]
            found |= {Node(kind, key): about for key, about in _DESCRIBE[kind](session, chunk)}
    return {node: found[node] for node in wanted if node in found}


def _shipments(session: Session, keys: Sequence[str]) -> Rows:
    chosen = select(
        Shipment.id,
        Shipment.project,
        Shipment.series_uid,
        Shipment.modality,
        Shipment.sha256,
        Shipment.delivered,
        Shipment.withheld,
        Shipment.treatment,
        Shipment.withdrawn_by,
    )
    for row in session.execute(chosen.where(Shipment.id.in_(keys))):
        facts = {
            "project": row.project,
            "series": row.series_uid,
            "modality": row.modality,
            "sha256": row.sha256,
            "delivered": row.delivered,
            "withheld": row.withheld,
            "treatment": row.treatment,
        }
        yield row.id, Described(row.id, row.project, {**facts, **_withdrawn(row.withdrawn_by)})


def _evidence(session: Session, keys: Sequence[str]) -> Rows:
    chosen = select(EvidenceMessage.id, EvidenceMessage.body, Study.project).join(
        Study, Study.id == EvidenceMessage.study_id
    )
    for key, body, project in session.execute(chosen.where(EvidenceMessage.id.in_(keys))):
        yield key, Described(key, project, {name: body[name] for name in _SAID_BY_EVIDENCE if name in body})


def _labels(session: Session, keys: Sequence[str]) -> Rows:
    for row in session.scalars(select(LabelDocument).where(LabelDocument.id.in_(keys))):
        facts = {"project": row.project, "source": row.source, "revision": row.revision, "rows": row.rows}
        yield row.id, Described(row.id, row.project, facts)


def _studies(session: Session, keys: Sequence[str]) -> Rows:
    for row in session.scalars(select(Study).where(Study.id.in_(map(int, keys)))):
        facts = {"project": row.project, "patient": row.patient, "state": row.state, "version": row.version}
        yield str(row.id), Described(row.study_uid, row.project, facts)


def _instances(session: Session, keys: Sequence[str]) -> Rows:
    chosen = select(Instance, Shipment.project).join(Shipment, Shipment.id == Instance.shipment_id)
    for row, project in session.execute(chosen.where(Instance.id.in_(map(int, keys)))):
        facts = {
            "shipment": row.shipment_id,
            "digest": row.digest,
            "annotation": row.annotation,
            "current": row.current,
        }
        yield str(row.id), Described(row.sop_instance_uid, project, facts)


def _batches(session: Session, keys: Sequence[str]) -> Rows:
    for row in session.scalars(select(Batch).where(Batch.id.in_(keys))):
        facts = {"project": row.project, "instances": row.instances, "annotations": row.annotations}
        facts |= {"labels": row.facts.get("labels", 0), **_withdrawn(row.withdrawn_by)}
        yield row.id, Described(row.id, row.project, facts)


def _handoffs(session: Session, keys: Sequence[str]) -> Rows:
    counted = select(ResultFileRow.handoff_id, func.count()).where(ResultFileRow.handoff_id.in_(keys))
    files = {key: count for key, count in session.execute(counted.group_by(ResultFileRow.handoff_id))}  # noqa: C416
    chosen = select(
        Handoff.id,
        Handoff.project,
        Handoff.kind,
        Handoff.key,
        Handoff.state,
        Handoff.reason,
        Handoff.target,
        Handoff.pipeline_id,
        Handoff.spec_digest,
        Handoff.rerun_of,
        Handoff.asked_by,
        PipelineVersion.name,
    ).join(PipelineVersion, PipelineVersion.id == Handoff.pipeline_id)
    for row in session.execute(chosen.where(Handoff.id.in_(keys))):
        facts = {
            "kind": row.kind,
            "key": row.key,
            "state": row.state,
            "reason": row.reason,
            "target": row.target,
            "pipeline": row.name,
            "pipeline_version": row.pipeline_id,
            "spec_digest": row.spec_digest,
            "files": files.get(row.id, 0),
        }
        again = {"rerun_of": row.rerun_of} if row.rerun_of else {}
        if (row.asked_by or "").startswith(_RULE):
            again["rule"] = row.asked_by.removeprefix(_RULE)
        yield row.id, Described(row.id, row.project, {**facts, **again})


def _models(session: Session, keys: Sequence[str]) -> Rows:
    aliases, figures = aliases_of(session, keys), newest_figures(session, keys)
    for row in session.scalars(select(ModelVersion).where(ModelVersion.id.in_(keys))):
        standing = {"aliases": aliases[row.id]} if row.id in aliases else {}
        measured = {"evaluated": figures[row.id]} if row.id in figures else {}
        facts = {"spec_digest": row.spec_digest, "metrics": row.metrics, **standing, **measured}
        yield row.id, Described(row.id, row.project, facts)


def _files(session: Session, keys: Sequence[str]) -> Rows:
    by_handoff: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        handoff_id, _, path = key.partition("/")
        by_handoff[handoff_id].append(path)
    chosen = select(ResultFileRow, Handoff.project).join(Handoff, Handoff.id == ResultFileRow.handoff_id)
    paths = {path for found in by_handoff.values() for path in found}
    wanted = chosen.where(ResultFileRow.handoff_id.in_(by_handoff), ResultFileRow.path.in_(paths))
    asked = set(keys)
    for row, project in session.execute(wanted):
        key = f"{row.handoff_id}/{row.path}"
        if key in asked:
            yield key, Described(key, project, _of_file(row))


def _of_file(row: ResultFileRow) -> dict[str, Any]:
    facts = {"role": row.role, "sha256": row.sha256, "size": row.size, "media_type": row.media_type}
    if row.object_id is not None:
        facts |= {"object": row.object_id, "acknowledged": row.acknowledged_as, "held_because": row.held_because}
    return facts


def _withdrawn(by: str | None) -> dict[str, Any]:
    return {} if by is None else {"withdrawn": True}


_DESCRIBE: dict[NodeKind, Callable[[Session, Sequence[str]], Rows]] = {
    "shipment": _shipments,
    "evidence": _evidence,
    "labels": _labels,
    "study": _studies,
    "instance": _instances,
    "batch": _batches,
    "handoff": _handoffs,
    "model": _models,
    "file": _files,
}
