"""What an accepted handoff asks of an engine, read and checked again right before it is sent."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy.orm import Session

from handoff.batches.form import BATCH_FILE
from handoff.batches.prepared import prepared_file
from handoff.database.tables import Batch, Handoff, ModelVersion, PipelineVersion, ResultFileRow
from handoff.home import ResearchHome
from handoff.store import FolderStore


class OrderError(Exception):
    """What was recorded is not there any more; `code` says what."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run to be made: everything that an engine needs to know."""

    key: str
    pipeline: Path
    inputs: dict[str, JsonValue]
    result: Path


def batch_file(session: Session, store: FolderStore, handoff: Handoff) -> Path:
    """The file behind `batch_uri`: plain for preparing, with volumes for anything else."""
    if handoff.prepared_by is None:
        return store.batch(handoff.batch_id) / BATCH_FILE
    prepare = session.get_one(Handoff, handoff.prepared_by)
    return prepared_file(store, handoff.batch_id, prepare.key)


def result_folder(home: ResearchHome, key: str) -> Path:
    """The folder behind `result_uri`; its name is the key."""
    return home.results / key


def make_order(session: Session, home: ResearchHome, store: FolderStore, handoff: Handoff) -> RunOrder:
    """Check the files behind a handoff and put the order together.

    Raises:
        OrderError: `batch-changed`, `pipeline-changed` or `model-changed`.
    """
    pipeline = session.get_one(PipelineVersion, handoff.pipeline_id)
    _require(store.pipeline(pipeline.id), pipeline.yaml_digest, "pipeline-changed")
    batch = session.get_one(Batch, handoff.batch_id)
    _require(store.batch(batch.id) / BATCH_FILE, batch.file_sha256, "batch-changed")
    lines = batch_file(session, store, handoff)
    if not lines.is_file():
        raise OrderError("batch-changed")
    result = result_folder(home, handoff.key)
    inputs: dict[str, JsonValue] = {
        **handoff.parameters,
        "batch_uri": lines.as_uri(),
        "handoff_key": handoff.key,
        "result_uri": result.as_uri(),
    }
    if handoff.model_id is not None:
        inputs["model_uri"] = _model(session, home, handoff.model_id).as_uri()
    return RunOrder(handoff.key, store.pipeline(pipeline.id), inputs, result)


def _model(session: Session, home: ResearchHome, model_id: str) -> Path:
    model = session.get_one(ModelVersion, model_id)
    training = session.get_one(Handoff, model.handoff_id)
    recorded = session.get_one(ResultFileRow, (training.id, model.path))
    file = result_folder(home, training.key) / model.path
    _require(file, recorded.sha256, "model-changed")
    return file


def _require(file: Path, sha256: str, code: str) -> None:
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise OrderError(code) from error
    if found != sha256:
        raise OrderError(code)
