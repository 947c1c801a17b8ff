"""What a step tells the last step, and the result manifest that the last step writes."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from handoff.contract.result import RESULT_FILE, PreparedVolume, Result, ResultFile, RunKind, TrainedModel
from ml.errors import PublishedError
from ml.files import result_folder
from ml.pipelines.registry import code_digest

Role = Literal["volume-index", "volume", "model", "segmentation", "report"]

OUTCOME_FILE = "outcome.json"
"""Internal to a run: from the working step to the last one; not part of the result."""

FOLDERS: dict[str, tuple[Role, str]] = {
    "volumes": ("volume", "application/octet-stream"),
    "model": ("model", "application/octet-stream"),
    "segmentations": ("segmentation", "application/dicom"),
}
FILES: dict[str, tuple[Role, str]] = {
    "volumes.jsonl": ("volume-index", "application/jsonl"),
    "report.json": ("report", "application/json"),
}


class Outcome(BaseModel):
    """What the working step found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: RunKind
    spec_digest: str
    metrics: dict[str, float]
    model: TrainedModel | None = None
    volumes: tuple[PreparedVolume, ...] = ()


@contextmanager
def begin(result_uri: str) -> Iterator[Path]:
    """The folder of a result, emptied of what an earlier attempt of the same step left.

    Raises:
        PublishedError: The result is there. An engine may start a handoff twice, and the handoff has read the first
            one's files and believes them: they stay.
    """
    with result_folder(result_uri) as folder:
        folder.mkdir(parents=True, exist_ok=True)
        require_unpublished(folder)
        for name in (*FOLDERS, *FILES, OUTCOME_FILE):
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        yield folder


def require_unpublished(folder: Path) -> None:
    """Go on only while no run has written the result of this folder.

    Raises:
        PublishedError: One has.
    """
    if (folder / RESULT_FILE).exists():
        raise PublishedError("the result of this handoff is there already: another run of it was quicker.")


def write_text(path: Path, text: str) -> None:
    """Write a file by a temporary name and a rename."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def write_report(folder: Path, report: dict[str, object]) -> None:
    """Write the report that people read."""
    write_text(folder / "report.json", json.dumps(report, indent=2, sort_keys=True) + "\n")


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Leave the outcome for the last step."""
    write_text(folder / OUTCOME_FILE, outcome.model_dump_json())


def publish(result_uri: str, handoff_key: str) -> Result:
    """Digest every file of the result and write `result.json`: the run has succeeded when it is there.

    Raises:
        PublishedError: It is there already.
    """
    with result_folder(result_uri) as folder:
        require_unpublished(folder)
        outcome = Outcome.model_validate_json((folder / OUTCOME_FILE).read_bytes())
        result = Result(
            handoff_key=handoff_key,
            kind=outcome.kind,
            files=tuple(_files(folder)),
            metrics=outcome.metrics,
            spec_digest=outcome.spec_digest,
            code_digest=code_digest(),
            model=outcome.model,
            volumes=outcome.volumes,
        )
        write_text(folder / RESULT_FILE, result.model_dump_json(by_alias=True, indent=2) + "\n")
    return result


def _files(folder: Path) -> Iterator[ResultFile]:
    for name, (role, media_type) in FILES.items():
        if (folder / name).is_file():
            yield _file(folder, folder / name, role, media_type)
    for name, (role, media_type) in FOLDERS.items():
        for path in sorted((folder / name).rglob("*")):
            if path.is_file():
                yield _file(folder, path, role, media_type)


def _file(folder: Path, path: Path, role: Role, media_type: str) -> ResultFile:
    content = path.read_bytes()
    return ResultFile(
        path=path.relative_to(folder).as_posix(),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        role=role,
        media_type=media_type,
    )
