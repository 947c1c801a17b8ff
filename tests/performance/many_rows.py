"""A home of 10^5 studies and 10^6 instances, as years of deliveries would leave it, with batches and runs on them."""

import time
from itertools import count, islice
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import (
    Batch,
    BatchInstance,
    BatchStudy,
    Event,
    Handoff,
    Instance,
    ModelVersion,
    PipelineVersion,
    Shipment,
    Study,
    StudyVersion,
)

STUDIES = 100_000
INSTANCES_PER_STUDY = 10
STUDIES_PER_BATCH = 10_000
_AT_ONCE = 5_000
_NOW = 1.7e9


def fill(database: Database, studies: int = STUDIES) -> dict[str, str]:
    """Fill an empty database; returns one id of each kind."""
    per_batch = min(STUDIES_PER_BATCH, studies)
    for first in range(1, studies + 1, _AT_ONCE):
        with database.write() as session:
            _studies(session, range(first, min(first + _AT_ONCE, studies + 1)))
    with database.write() as session:
        digests = {"id": "d" * 64, "yaml_digest": "a" * 64, "code_digest": "a" * 64}
        session.add(PipelineVersion(name="p", inputs={}, registered_at=0, **digests))
    for number in range(studies // per_batch):
        with database.write() as session:
            _batch(session, number, range(number * per_batch + 1, (number + 1) * per_batch + 1))
    return {"shipment": f"{1:032x}", "batch": f"{0:064x}", "model": "m0:1", "study": "2.25.1"}


def _studies(session: Session, numbers: range) -> None:
    facts: dict[str, Any] = {"project": "bench", "patient": "p", "truth": "annotated", "version": 1, "forced": {}}
    rows = [{"id": n, "study_uid": f"2.25.{n}", "state": "complete", "last_arrival_at": _NOW, **facts} for n in numbers]
    session.execute(insert(Study), rows)
    closed = {"version": 1, "content": "", "instances": INSTANCES_PER_STUDY, "closed_by": {}, "closed_at": _NOW}
    session.execute(insert(StudyVersion), [{"study_id": n, **closed} for n in numbers])
    sent: dict[str, Any] = {"project": "bench", "patient": "p", "modality": "CT", "size": 1, "delivered": 10}
    sent |= {"withheld": 0, "withheld_by": {}, "treatment": {}, "receipt": {}, "received_at": _NOW}
    session.execute(
        insert(Shipment),
        [{"id": f"{n:032x}", "study_id": n, "series_uid": f"2.26.{n}", "sha256": f"{n:064x}", **sent} for n in numbers],
    )
    one: dict[str, Any] = {"sop_class_uid": "1.2", "size": 1, "revision": 1, "annotation": False, "references": []}
    session.execute(
        insert(Instance),
        [
            {
                "id": n * INSTANCES_PER_STUDY + i,
                "shipment_id": f"{n:032x}",
                "study_id": n,
                "sop_instance_uid": f"2.27.{n}.{i}",
                "digest": f"{n * INSTANCES_PER_STUDY + i:064x}",
                "current": True,
                **one,
            }
            for n in numbers
            for i in range(INSTANCES_PER_STUDY)
        ],
    )


def _batch(session: Session, number: int, studies: range) -> None:
    identifier = f"{number:064x}"
    instances = len(studies) * INSTANCES_PER_STUDY
    facts = {"project": "bench", "file_sha256": "", "test_percent": 25, "instances": instances, "annotations": 0}
    shown = {"studies": len(studies), "unresolved_references": 0, "patients": {"train": 3, "test": 1}}
    came_from: dict[str, Any] = {"shipments": [f"{n:032x}" for n in studies], "labels": [], "treatments": []}
    came_from["studies"] = {f"2.25.{n}": 1 for n in studies}
    details = {"left_out": [], "provenance": came_from}
    session.add(Batch(id=identifier, facts=shown, details=details, created_at=_NOW + number, **facts))
    session.flush()
    session.execute(insert(BatchStudy), [{"batch_id": identifier, "study_id": n, "version": 1} for n in studies])
    wanted = iter(range(studies[0] * INSTANCES_PER_STUDY, (studies[-1] + 1) * INSTANCES_PER_STUDY))
    while chunk := list(islice(wanted, 10 * _AT_ONCE)):
        session.execute(insert(BatchInstance), [{"batch_id": identifier, "instance_id": n} for n in chunk])
    for each, kind in zip(count(number * 200), ("prepare", "train", *["infer"] * 98), strict=False):
        _handoff(session, each, kind, identifier, number)


def _handoff(session: Session, number: int, kind: str, batch: str, model: int) -> None:
    identifier = f"{number:032x}"
    facts: dict[str, Any] = {"project": "bench", "target": "local", "pipeline_id": "d" * 64, "parameters": {}}
    at = _NOW + number
    session.add(
        Handoff(
            id=identifier,
            key=f"{number:064x}",
            kind=kind,
            batch_id=batch,
            state="SUCCEEDED",
            created_at=at,
            ended_at=at + 9,
            **facts,
        )
    )
    session.flush()
    session.add_all(Event(handoff_id=identifier, at=at, event=name) for name in ("ACCEPTED", "RUNNING", "SUCCEEDED"))
    if kind == "train":
        name = f"m{model}"
        made = {"project": "bench", "spec_digest": "", "path": "model", "metrics": {}, "created_at": time.time()}
        session.add(ModelVersion(id=f"{name}:1", name=name, version=1, handoff_id=identifier, **made))
