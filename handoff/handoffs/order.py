"""What an accepted handoff asks of an engine, read and checked again right before it is sent."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy.orm import Session

from handoff.access.run_access import RunAccess
from handoff.database.tables import Batch, Handoff, ModelVersion, PipelineVersion, ResultFileRow
from handoff.home import ResearchHome
from handoff.store import Store, write_durably
from handoff.store.files import Files, OutsideError, digest_of
from handoff.store.store import batch_path, pipeline_path, prepared_path


class OrderError(Exception):
    """What was recorded is not there any more; `code` says what."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class OrderedModel:
    """The model that a run is to use: its version, the digest of its file, and the preparing spec of both."""

    id: str
    uri: str
    sha256: str
    spec_digest: str


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run to be made: everything that an engine needs to know.

    Attributes:
        pipeline: The committed, compiled YAML, on this machine.
        pipeline_digest: Its SHA-256, hex.
        result: The folder behind `result_uri`, where it is one of this machine.
        code_digest: Of the code that the pipeline version stands for, hex.
        model: What a run of the kinds retrain, evaluate and infer uses; None for any other.
        access: What its steps reach their files by at the handoff; None where they do so by the store, or in a cluster.
    """

    key: str
    handoff: str
    project: str
    batch: str
    pipeline: Path
    pipeline_name: str
    pipeline_digest: str
    inputs: dict[str, JsonValue]
    result: Path | None
    code_digest: str = ""
    model: OrderedModel | None = None
    access: RunAccess | None = None


def batch_lines(session: Session, handoff: Handoff) -> str:
    """The path of the file behind `batch_uri`: plain for preparing, with volumes for anything else."""
    prepare = session.get_one(Handoff, handoff.prepared_by) if handoff.prepared_by else None
    return lines_path(handoff.batch_id, None if prepare is None else prepare.key)


def lines_path(batch_id: str, prepare_key: str | None) -> str:
    """The same, by the key of the handoff that prepared it, if it uses volumes."""
    return batch_path(batch_id) if prepare_key is None else prepared_path(batch_id, prepare_key)


def make_order(session: Session, home: ResearchHome, store: Store, handoff: Handoff) -> RunOrder:
    """Check the files behind a handoff and put the order together.

    Raises:
        OrderError: `batch-withdrawn`, `batch-changed`, `pipeline-changed` or `model-changed`.
    """
    pipeline = session.get_one(PipelineVersion, handoff.pipeline_id)
    _require(store.files, pipeline_path(pipeline.id), pipeline.yaml_digest, "pipeline-changed")
    batch = session.get_one(Batch, handoff.batch_id)
    if batch.withdrawn_by is not None:
        raise OrderError("batch-withdrawn")
    _require(store.files, batch_path(batch.id), batch.file_sha256, "batch-changed")
    lines = batch_lines(session, handoff)
    _require_there(store.files, lines, "batch-changed")
    result = store.result(handoff.key)
    inputs: dict[str, JsonValue] = {
        **handoff.parameters,
        "batch_uri": store.uri(lines),
        "handoff_key": handoff.key,
        "result_uri": result.uri,
    }
    model = None if handoff.model_id is None else _model(session, store, handoff.model_id)
    if model is not None:
        inputs["model_uri"] = model.uri
    return RunOrder(
        key=handoff.key,
        handoff=handoff.id,
        project=handoff.project,
        batch=batch.id,
        pipeline=_here(store.files, pipeline.id, home),
        pipeline_name=pipeline.name,
        pipeline_digest=pipeline.yaml_digest,
        inputs=inputs,
        result=result.local("."),
        code_digest=pipeline.code_digest,
        model=model,
    )


def _here(files: Files, version: str, home: ResearchHome) -> Path:
    """The pipeline's YAML on this machine; copied where the store is elsewhere."""
    path = pipeline_path(version)
    file = files.local(path)
    if file is None:
        file = home.root / path
        write_durably(file, files.read(path))
    return file


def _model(session: Session, store: Store, model_id: str) -> OrderedModel:
    model = session.get_one(ModelVersion, model_id)
    training = session.get_one(Handoff, model.handoff_id)
    recorded = session.get_one(ResultFileRow, (training.id, model.path))
    result = store.result(training.key)
    _require(result, model.path, recorded.sha256, "model-changed")
    return OrderedModel(model.id, f"{result.uri}/{model.path}", recorded.sha256, model.spec_digest)


def _require_there(files: Files, path: str, code: str) -> None:
    try:
        files.size(path)
    except (OSError, OutsideError) as error:
        raise OrderError(code) from error


def _require(files: Files, path: str, sha256: str, code: str) -> None:
    try:
        found = digest_of(files, path)
    except OSError as error:
        raise OrderError(code) from error
    if found != sha256:
        raise OrderError(code)
