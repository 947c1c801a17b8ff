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
