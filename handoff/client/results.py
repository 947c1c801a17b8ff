"""What runs left: results, models, and the line of an id."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from handoff.client.connection import Connection, checked, read
from handoff.client.errors import DigestError
from handoff.client.place import at
from handoff.contract.result import ResultFile, RunKind
from handoff.schemas.page import Page
from handoff.schemas.results import ModelView, ResultView
from handoff.schemas.trace import Trace


class Results(Connection):
    """What came of handoffs."""

    def results(self, project: str | None = None, kind: RunKind | None = None) -> Iterator[ResultView]:
        """Every believed result."""
        return self._pages(Page[ResultView], "/v1/results", project=project, kind=kind)

    def result_file(self, handoff_id: str, path: str) -> bytes:
        """One file of a result."""
        return checked(self._get(at("/v1/results/{}/files", handoff_id, below=path))).content

    def save_result_file(self, handoff_id: str, file: ResultFile, path: Path) -> bool:
        """Bring one file of a result to this machine, streamed; it is there whole or not at all.

        Returns:
            False if the very same file was there.

        Raises:
            DigestError: what came is not what was promised; nothing of it stays.
        """
        if path.exists() and _sha256(path) == file.sha256:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as stream:
                stream.writelines(self._stream(at("/v1/results/{}/files", handoff_id, below=file.path)))
            if _sha256(part) != file.sha256:
                raise DigestError(file.path)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return True

    def models(self, project: str | None = None, name: str | None = None) -> Iterator[ModelView]:
        """Every model version."""
        return self._pages(Page[ModelView], "/v1/models", project=project, name=name)

    def trace(self, identifier: str, limit: int | None = None) -> Trace:
        """The whole line of an id, or its nearest part; `cut` says where more came. See also `neighbours`."""
        return read(Trace, self._get(at("/v1/trace/{}", identifier), limit=limit))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
