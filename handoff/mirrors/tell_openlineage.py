"""Tell of lineage as OpenLineage: to an endpoint such as Marquez, and to a file; each follows the log by itself."""

import errno
import os
from pathlib import Path

from handoff.contract.canonical import canonical_json
from handoff.database.engine import Database
from handoff.database.tables import LineageEvent
from handoff.http_client import HttpClient
from handoff.lineage.openlineage import Naming, is_told, run_event
from handoff.mirrors.interface import EVENT, Change, MirrorAwayError
from handoff.mirrors.post import post
from handoff.mirrors.settings import OpenLineageMirror

_TAIL = 1 << 20
"""Longest last line of a file that is compared with the next event, in bytes."""


class _Teller:
    """Which events are told, and as what."""

    ordered = True
    history = True
    settle_seconds = 0.0

    def __init__(self, settings: OpenLineageMirror) -> None:
        self.keeps_days = settings.keeps_days
        self._naming = Naming(settings.namespace, settings.with_times)

    def wants(self, event: LineageEvent) -> tuple[str, str] | None:
        """A row for each event that is a run's."""
        return (EVENT, str(event.id)) if is_told(event) else None

    def _body(self, database: Database, change: Change) -> bytes:
        with database.read() as session:
            event = session.get_one(LineageEvent, int(change.subject))
            return canonical_json(run_event(session, event, self._naming))


class OpenLineageHttp(_Teller):
    """An endpoint. What is told again, because an answer was lost, is the same run event to the byte."""

    name = "openlineage"

    def __init__(self, settings: OpenLineageMirror) -> None:
        super().__init__(settings)
        assert settings.url is not None
        self._url = settings.url
        self._http = HttpClient(
            settings.url, settings.http_timeout_seconds, token_file=settings.token_file, ca_file=settings.ca_file
        )

    def tell(self, database: Database, change: Change) -> str:
        """POST it."""
        return post(self._http, self._url, self._body(database, change), {})

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


class OpenLineageFile(_Teller):
    """A file of one event a line. Whatever is killed, no event stands there twice and none in part."""

    name = "openlineage-file"

    def __init__(self, settings: OpenLineageMirror) -> None:
        super().__init__(settings)
        assert settings.file is not None
        self._file = settings.file

    def tell(self, database: Database, change: Change) -> str:
        """Append it durably."""
        try:
            _append(self._file, self._body(database, change) + b"\n")
        except OSError as error:
            raise MirrorAwayError("file-unwritable") from error
        return self._file.name

    def close(self) -> None:
        """Nothing is kept open: somebody may move the file away at any time."""


def _append(file: Path, line: bytes) -> None:
    """Append a line; a part of one is removed first, and the same line is not written twice.

    Events come one after another, so what a killed writer left can only be the last line.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, min(size, _TAIL + len(line)), max(0, size - _TAIL - len(line)))
        whole = tail.rfind(b"\n") + 1
        if not whole and size > len(tail):
            raise OSError(errno.EFBIG, "the file's last line is none of ours")
        if whole < len(tail):
            size -= len(tail) - whole
            os.ftruncate(descriptor, size)
            tail = tail[:whole]
        if (b"\n" + tail).endswith(b"\n" + line):
            os.fsync(descriptor)
            return
        written = 0
        while written < len(line):
            written += os.pwrite(descriptor, line[written:], size + written)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
