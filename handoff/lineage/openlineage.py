"""An event of the log as an OpenLineage run event: the same bytes whenever it is asked for.

| here | OpenLineage |
|---|---|
| project | the namespace `<namespace>.<project>` of jobs and data sets |
| handoff | a run of the job `<kind>.<pipeline>`, whose id is made of the handoff's key |
| batch, volumes, model version, results | data sets `batches/..`, `volumes/..`, `models/..`, `results/..` |
| forming a batch, moving an alias | runs of `form-batch` and `promote` that only complete |

OpenLineage asks for times. It gets only how long a run took, counted from 1970, because the day of a run beside its
shifted dates tells by how much they were shifted; `with_times` tells more. Ids of runs hold no time either.
"""

import datetime as dt
import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.tables import (
    Batch,
    BatchLabels,
    BatchShipment,
    Handoff,
    LineageEvent,
    ModelVersion,
    Promotion,
    ResultFileRow,
)
from handoff.lineage.log import subject_of
from handoff.mirrors.facts import HandoffFacts, handoff_facts

PRODUCER = "urn:sluice:handoff"
MOST_INPUTS = 1000
"""Shipments of a batch that are named one by one; the batch's facet counts them all."""
_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets"
_VERSION = f"{_FACETS}/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_JOB_TYPE = f"{_FACETS}/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"
_ERROR = f"{_FACETS}/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
_STATISTICS = f"{_FACETS}/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
_OURS = "urn:sluice:openlineage:1:"
_ENDS = {"SUCCEEDED": "COMPLETE", "CANCELED": "ABORT", "FAILED": "FAIL", "LOST": "FAIL", "REJECTED": "FAIL"}
_OUTPUT = {"prepare": "volumes", "infer": "results", "evaluate": "results"}
_UNFIT = re.compile(r"[^a-z0-9]+")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Naming:
    """How a site wants its events."""

    namespace: str
    with_times: bool = False


def is_told(event: LineageEvent) -> bool:
    """Whether an event of the log is a run event; a handoff that no engine ever had is no run."""
    if event.event == "handoff-ended":
        return bool(event.facts["ran"])
    return event.event in {"batch-formed", "handoff-submitted", "promotion-approved"}


def run_event(session: Session, event: LineageEvent, naming: Naming) -> Json:
    """The run event of an event for which `is_told` holds."""
    identifier = subject_of(event)
    match event.event:
        case "batch-formed":
            return _formed(session, identifier, naming)
        case "promotion-approved":
            return _promoted(session, identifier, event, naming)
        case _:
            return _ran(session, identifier, event, naming)


def _formed(session: Session, batch_id: str, naming: Naming) -> Json:
    batch = session.get_one(Batch, batch_id)
    space = f"{naming.namespace}.{batch.project}"
    chosen = select(BatchShipment.shipment_id).where(BatchShipment.batch_id == batch_id)
    shipments = session.scalars(chosen.order_by(BatchShipment.shipment_id).limit(MOST_INPUTS)).all()
    labels = session.scalars(select(BatchLabels.document_id).where(BatchLabels.batch_id == batch_id)).all()
    counted = select(func.count()).select_from(BatchShipment).where(BatchShipment.batch_id == batch_id)
    about = {
        "instances": batch.instances,
        "annotations": batch.annotations,
        "shipments": session.scalar(counted),
        "shipmentsNamed": len(shipments),
        "labels": len(labels),
        "testPercent": batch.test_percent,
    }
    output = _data_set(space, f"batches/{batch.id}", batch.id, batch=about)
    inputs = [_data_set(space, f"shipments/{one}") for one in shipments]
    inputs += [_data_set(space, f"labels/{one}") for one in sorted(labels)]
    at = batch.created_at if naming.with_times else 0.0
    return _event(
        "COMPLETE", at, f"batch\n{batch.id}", _job(space, "form-batch", "BATCH"), inputs=inputs, outputs=[output]
    )


def _promoted(session: Session, promotion_id: str, event: LineageEvent, naming: Naming) -> Json:
    row = session.get_one(Promotion, promotion_id)
    space = f"{naming.namespace}.{event.facts['project']}"
    at = (row.decided_at or row.asked_at) if naming.with_times else 0.0
    inputs = [_data_set(space, f"models/{row.model_id}", row.model_id)]
    outputs = [_data_set(space, f"aliases/{row.model}@{row.alias}", row.model_id)]
    return _event(
        "COMPLETE", at, f"promotion\n{row.id}", _job(space, "promote", "PROMOTE"), inputs=inputs, outputs=outputs
    )


def _ran(session: Session, handoff_id: str, event: LineageEvent, naming: Naming) -> Json:
    facts = handoff_facts(session, handoff_id)
    space = f"{naming.namespace}.{facts.project}"
    begun = event.event == "handoff-submitted"
    kind = "START" if begun else _ENDS[event.facts["state"]]
    at = facts.created_at if naming.with_times else 0.0
    if not begun:
        at += max(0.0, (facts.ended_at or facts.created_at) - facts.created_at)
    facets = {"sluice_handoff": _facet("handoff", **_about(facts, ended=None if begun else event.facts["state"]))}
    if kind in {"FAIL", "ABORT"}:
        facets["errorMessage"] = _standard(_ERROR, message=facts.reason or "unknown", programmingLanguage="none")
    inputs = [_data_set(space, f"batches/{facts.batch}", facts.batch)]
    if facts.prepared_by is not None:
        inputs.append(_data_set(space, f"volumes/{facts.prepared_by}", _digest_of(session, facts.prepared_by)))
    if facts.model is not None:
        inputs.append(_data_set(space, f"models/{facts.model}", facts.model))
    outputs = _outputs(session, facts, space) if kind == "COMPLETE" else []
    job = _job(space, f"{facts.kind}.{facts.pipeline}", facts.kind.upper())
    return _event(kind, at, f"handoff\n{facts.key}", job, inputs=inputs, outputs=outputs, facets=facets)


def _about(facts: HandoffFacts, *, ended: str | None) -> Json:
    """What never changes of a handoff; of one that ended, its end too."""
    about: Json = {
        "handoff": facts.id,
        "key": facts.key,
        "kind": facts.kind,
        "pipelineVersion": facts.pipeline_version,
        "yamlDigest": facts.yaml_digest,
        "codeDigest": facts.code_digest,
    }
    if ended is not None:
        about |= {"state": ended, "reason": facts.reason, "specDigest": facts.spec_digest, "metrics": facts.metrics}
    return {name: value for name, value in about.items() if value is not None}


def _outputs(session: Session, facts: HandoffFacts, space: str) -> list[Json]:
    counted = select(func.count(), func.coalesce(func.sum(ResultFileRow.size), 0)).where(
        ResultFileRow.handoff_id == facts.id
    )
    files, size = session.execute(counted).one()
    model = session.scalar(select(ModelVersion.id).where(ModelVersion.handoff_id == facts.id))
    name = f"models/{model}" if model else f"{_OUTPUT.get(facts.kind, 'results')}/{facts.id}"
    output = _data_set(space, name, model or facts.key)
    statistics = _standard(_STATISTICS, size=int(size), fileCount=int(files))
    return [{**output, "outputFacets": {"outputStatistics": statistics}}]


def _digest_of(session: Session, handoff_id: str) -> str:
    return session.scalars(select(Handoff.key).where(Handoff.id == handoff_id)).one()


def _event(
    kind: str, at: float, run: str, job: Json, *, inputs: list[Json], outputs: list[Json], facets: Json | None = None
) -> Json:
    return {
        "eventType": kind,
        "eventTime": _time(at),
        "run": {"runId": _run_id(run), "facets": facets or {}},
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
        "producer": PRODUCER,
        "schemaURL": _SPEC,
    }


def _job(space: str, name: str, kind: str) -> Json:
    facet = _standard(_JOB_TYPE, processingType="BATCH", integration="SLUICE", jobType=kind)
    return {"namespace": space, "name": name, "facets": {"jobType": facet}}


def _data_set(space: str, name: str, version: str | None = None, **ours: Json) -> Json:
    facets = {f"sluice_{kind}": _facet(kind, **content) for kind, content in ours.items()}
    if version is not None:
        facets["version"] = _standard(_VERSION, datasetVersion=version)
    return {"namespace": space, "name": name, "facets": facets}


def _facet(kind: str, /, **content: Any) -> Json:
    return _standard(f"{_OURS}{_UNFIT.sub('-', kind)}", **content)


def _standard(schema: str, /, **content: Any) -> Json:
    return {"_producer": PRODUCER, "_schemaURL": schema, **content}


def _run_id(name: str) -> str:
    """A UUID of a name: asked for again it is the same, and it holds no time."""
    return str(uuid.UUID(bytes=hashlib.sha256(f"sluice.openlineage/1\n{name}".encode()).digest()[:16], version=5))


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(round(at, 3), dt.UTC).isoformat(timespec="milliseconds")
