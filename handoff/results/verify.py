"""Believe a result, or say why not.

1. `result.json` is there, small, and keeps the contract.
2. It is that of this handoff: key, kind, and the code that the pipeline version names, where the run says its own.
3. Every file lies below the result's folder, has its size, and its SHA-256 was read again; a model is weights alone.
4. The preparing spec is that of the batch; volumes are of the batch's series and consist of listed files.
"""

from collections.abc import Collection
from dataclasses import dataclass

from pydantic import ValidationError

from handoff.contract.result import RESULT_FILE, Result, ResultFile
from handoff.models.weights import judge_weights
from handoff.store.files import Files, OutsideError, digest_of

_LARGEST = 256 << 20


class ResultError(Exception):
    """The result cannot be believed; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a result must agree with."""

    key: str
    kind: str
    spec_digest: str | None
    series: Collection[tuple[str, str, str]]
    """(patient, study, series) of the batch."""
    code_digest: str
    """As registered with the pipeline version."""


def verify_result(folder: Files, expected: Expectation) -> Result:
    """Read the result of a run and all its files.

    Raises:
        ResultError: it cannot be believed.
    """
    result = _read(folder)  # (1)
    if result.handoff_key != expected.key or result.kind != expected.kind:  # (2)
        raise ResultError("result-of-another-handoff")
    if result.code_digest not in {None, expected.code_digest}:
        raise ResultError("result-of-other-code")
    for file in result.files:  # (3)
        _check_file(folder, file)
        if file.role == "model":
            _check_weights(folder, file)
    if expected.spec_digest is not None and result.spec_digest != expected.spec_digest:  # (4)
        raise ResultError("result-spec-mismatch")
    _check_volumes(folder, result, expected)
    return result


def _read(folder: Files) -> Result:
    try:
        if folder.size(RESULT_FILE) > _LARGEST:
            raise ResultError("result-invalid")
        return Result.model_validate_json(b"".join(folder.read(RESULT_FILE)))
    except FileNotFoundError as error:
        raise ResultError("result-missing") from error
    except (OSError, OutsideError, ValidationError) as error:
        raise ResultError("result-invalid") from error


def _check_file(folder: Files, file: ResultFile) -> None:
    try:
        if folder.size(file.path) != file.size:
            raise ResultError("result-file-size")
        found = digest_of(folder, file.path)
    except OutsideError as error:
        raise ResultError("result-file-outside") from error
    except OSError as error:
        raise ResultError("result-file-missing") from error
    if found != file.sha256:
        raise ResultError("result-file-digest")


def _check_weights(folder: Files, file: ResultFile) -> None:
    """Refuse a model that whoever loads it would have to trust with more than numbers."""
    try:
        verdict = judge_weights(folder, file.path)
    except OSError as error:
        raise ResultError("result-file-missing") from error
    if verdict != "ok":
        raise ResultError(verdict)


def _check_volumes(folder: Files, result: Result, expected: Expectation) -> None:
    if (result.kind == "prepare") != bool(result.volumes):
        raise ResultError("result-without-volumes" if result.kind == "prepare" else "result-invalid")
    paths = {file.path for file in result.files}
    inside = {path[:end] for path in paths for end in _ends(path)}
    for volume in result.volumes:
        if (volume.patient, volume.study, volume.series) not in expected.series:
            raise ResultError("volume-not-of-batch")
        name = volume.uri.removeprefix(folder.uri + "/").rstrip("/")
        if name == volume.uri or (name not in inside and name not in paths):
            raise ResultError("volume-not-listed")


def _ends(path: str) -> list[int]:
    """Where each folder of a path ends."""
    return [at for at, letter in enumerate(path) if letter == "/"]
