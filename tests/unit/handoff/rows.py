"""The rows that a handoff needs around it in the database."""

from typing import Any

from sqlalchemy.orm import Session

from handoff.database.tables import Batch, Handoff, PipelineVersion


def add_surroundings(session: Session) -> None:
    """A batch `b` and a pipeline version `p`, for handoffs to name."""
    facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
    session.add(Batch(id="b", facts={}, created_at=0.0, **facts))
    session.add(PipelineVersion(id="p", name="p", yaml_digest="", code_digest="", inputs={}, registered_at=0.0))
    session.flush()


def add_handoff(session: Session, **named: Any) -> None:
    """A handoff of these surroundings; `named` are its id, key, state, and what else it should be."""
    facts = {"kind": "prepare", "project": "lungs", "batch_id": "b", "target": "local", "pipeline_id": "p"}
    session.add(Handoff(**{**facts, "parameters": {}, "created_at": 0.0, **named}))
    session.flush()


BATCH, PIPELINE = "b" * 64, "c" * 64
"""What a request can name, made by `add_decidable`."""


def add_decidable(session: Session, project: str = "lungs", batch: str = BATCH) -> None:
    """A batch and a pipeline version with the names that the API takes."""
    facts = {"project": project, "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
    session.add(Batch(id=batch, facts={}, created_at=0.0, **facts))
    if session.get(PipelineVersion, PIPELINE) is None:
        inputs = {name: {"type": "STRING", "optional": False} for name in ("batch_uri", "handoff_key", "result_uri")}
        inputs["number"] = {"type": "NUMBER_INTEGER", "optional": True}
        facts = {"yaml_digest": "d" * 64, "code_digest": "e" * 64, "inputs": inputs, "registered_at": 0.0}
        session.add(PipelineVersion(id=PIPELINE, name="toy", **facts))
    session.flush()
