"""A database full of made-up lineage: studies, one batch of them all, a model of it, and runs that used the model."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from handoff.database.tables import (
    Batch,
    BatchInstance,
    BatchShipment,
    BatchStudy,
    EvidenceMessage,
    Handoff,
    Instance,
    ModelVersion,
    PipelineVersion,
    ResultFileRow,
    Shipment,
    Study,
    Table,
)

BATCH, PIPELINE = "ba" * 32, "9" * 64
PREPARE, TRAIN = "a0" * 16, "a1" * 16
SECRET_TIME = 1234567890.125
"""Stands wherever the database has a time, so that a test sees one that got out."""
SECRET_ADDRESS = "SCANNER-AE.hospital.example"
_AT_ONCE = 10_000


def fill(session: Session, studies: int, instances: int = 10, runs: int = 1, project: str = "lungs") -> None:
    """Write it all.

    Args:
        session: that commits.
        studies: each of one shipment.
        instances: of each shipment.
        runs: inferences with the model, each with one segmentation.
        project: of everything.
    """
    numbers = range(1, studies + 1)
    _write(session, Study, (_study(number, project) for number in numbers))
    _write(session, Shipment, (_shipment(number, project, instances) for number in numbers))
    _write(session, EvidenceMessage, (_evidence(number) for number in numbers))
    _write(session, Instance, (_instance(n, k, instances) for n in numbers for k in range(1, instances + 1)))
    batch = {"id": BATCH, "project": project, "file_sha256": "f" * 64, "test_percent": 20, "annotations": 0}
    batch |= {"instances": studies * instances, "facts": {}, "created_at": SECRET_TIME}
    _write(session, Batch, [batch])
    _write(session, BatchStudy, ({"batch_id": BATCH, "study_id": n, "version": 1} for n in numbers))
    _write(session, BatchShipment, ({"batch_id": BATCH, "shipment_id": shipment_id(n)} for n in numbers))
    members = range(1, studies * instances + 1)
    _write(session, BatchInstance, ({"batch_id": BATCH, "instance_id": n} for n in members))
    version = {"id": PIPELINE, "name": "unet", "yaml_digest": "7" * 64, "code_digest": "c" * 64, "inputs": {}}
    _write(session, PipelineVersion, [{**version, "registered_at": SECRET_TIME}])
    _write(session, Handoff, [_handoff(PREPARE, "prepare", project)])
    _write(session, Handoff, [_handoff(TRAIN, "train", project, prepared_by=PREPARE)])
    model = {"id": "unet:1", "name": "unet", "version": 1, "project": project, "handoff_id": TRAIN, "path": "m.pt"}
    _write(session, ModelVersion, [{**model, "spec_digest": "5" * 64, "metrics": {"dice": 0.5}, "created_at": 0.0}])
    inferences = [run_id(number) for number in range(1, runs + 1)]
    _write(
        session, Handoff, (_handoff(i, "infer", project, prepared_by=PREPARE, model_id="unet:1") for i in inferences)
    )
    _write(session, ResultFileRow, (_file(identifier) for identifier in inferences))


def study_uid(number: int) -> str:
    return f"2.25.{number}"


def shipment_id(number: int) -> str:
    """Spread over all ids, as random ones are."""
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number:016x}"


def run_id(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number:015x}f"


def _write(session: Session, table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
    for chunk in _chunks(iter(rows)):
        session.execute(insert(table), chunk)


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while chunk := list(itertools.islice(rows, _AT_ONCE)):
        yield chunk


def _study(number: int, project: str) -> dict[str, Any]:
    facts = {"project": project, "study_uid": study_uid(number), "patient": f"P{number}", "state": "complete"}
    return {"id": number, **facts, "version": 1, "last_arrival_at": SECRET_TIME, "truth": "unannotated"}


def _shipment(number: int, project: str, instances: int) -> dict[str, Any]:
    facts = {"project": project, "study_id": number, "patient": f"P{number}", "series_uid": f"2.25.{number}.1"}
    facts |= {"modality": "CT", "sha256": f"{number:064x}", "size": 1, "delivered": instances, "withheld": 0}
    facts |= {"withheld_by": {}, "treatment": {"profile": "basic"}, "receipt": {"at": SECRET_ADDRESS}}
    return {"id": shipment_id(number), **facts, "received_at": SECRET_TIME}


def _evidence(number: int) -> dict[str, Any]:
    body = {"ending": "released", "total": 10, "called_ae": SECRET_ADDRESS, "at": SECRET_TIME}
    facts = {"study_id": number, "sha256": "e" * 64, "size": 1, "body": body, "receipt": {}}
    return {"id": f"{number:031x}e", **facts, "received_at": SECRET_TIME}


def _instance(study: int, number: int, instances: int) -> dict[str, Any]:
    key = (study - 1) * instances + number
    facts = {"shipment_id": shipment_id(study), "study_id": study, "sop_instance_uid": f"2.25.{study}.1.{number}"}
    facts |= {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.2", "digest": f"{key:064x}", "size": 1, "revision": 1}
    return {"id": key, **facts, "annotation": False, "references": [], "current": True}


def _handoff(identifier: str, kind: str, project: str, **more: Any) -> dict[str, Any]:
    facts = {"key": f"{identifier}{identifier}", "kind": kind, "project": project, "batch_id": BATCH}
    facts |= {"target": "local", "pipeline_id": PIPELINE, "parameters": {"where": SECRET_ADDRESS}}
    facts |= {"state": "SUCCEEDED", "reference": SECRET_ADDRESS, "asked_by": "ada@hospital.example", "metrics": {}}
    times = {"sent_at": SECRET_TIME, "created_at": SECRET_TIME, "ended_at": SECRET_TIME + 60}
    links = {"prepared_by": None, "model_id": None}
    return {"id": identifier, **facts, **times, "spec_digest": "5" * 64, "attempts": 1, **links, **more}


def _file(identifier: str) -> dict[str, Any]:
    facts = {
        "path": "seg.dcm",
        "sha256": "d" * 64,
        "size": 1,
        "role": "segmentation",
        "media_type": "application/dicom",
    }
    return {"handoff_id": identifier, **facts}
