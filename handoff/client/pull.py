"""Bring a batch to this machine: its lines, packages and volumes, each compared with its digest.

```
FOLDER/batch.jsonl       the lines as the handoff has them
FOLDER/local.jsonl       the same lines with the places of this machine: what training code reads
FOLDER/croissant.json    a description that other tools read
FOLDER/packages/*.zip    by their SHA-256
FOLDER/volumes/...       prepared volumes, if they were asked for
```

A file has its name only once its digest was compared, and a part of one goes on where it broke off: so the same call
again finishes what another began, however often it is interrupted.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx

from handoff.batches.croissant import FILE, LINES
from handoff.client.connection import Connection, checked
from handoff.client.errors import DigestError, UnreachableError
from handoff.client.place import at
from handoff.contract.batch import InstanceLine, VolumeLine, read_batch
from handoff.contract.canonical import canonical_json
from handoff.contract.result import ResultFile

LOCAL = "local.jsonl"
PACKAGES = "packages"
VOLUMES = "volumes"
_AT_ONCE = 4
_TRIES = 5
_PAUSE_SECONDS = 0.1
_KEY = re.compile(r"[0-9a-f]{64}")
Said = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Fetch:
    """A file to be fetched.

    Attributes:
        path: of the API.
        file: where it goes.
        sha256: what it must have; None where only the handoff's answer says it.
    """

    path: str
    file: Path
    sha256: str | None


class Pull(Connection):
    """Fetches batches."""

    def pull_batch(
        self, batch_id: str, folder: Path, *, prepared_by: str | None = None, say: Said = lambda _done, _all: None
    ) -> Path:
        """Fetch a batch into a folder; returns the file of its lines for this machine.

        Args:
            batch_id: the batch.
            folder: where to; what another pull left there is gone on with.
            prepared_by: the handoff whose volumes come along; None for the instances alone.
            say: told how many files are there, of how many.

        Raises:
            ProblemError: there is no such batch, or something of it was withdrawn.
            DigestError: a file has another digest than it should, also when it was fetched anew.
            UnreachableError: the handoff does not answer any more.
        """
        folder.mkdir(parents=True, exist_ok=True)
        query = f"?{urlencode({'prepared_by': prepared_by})}" if prepared_by else ""
        lines = Fetch(at("/v1/batches/{}/lines", batch_id) + query, folder / LINES, None)
        (folder / LINES).unlink(missing_ok=True)  # another batch may have been pulled here
        self.fetch(lines)
        _write(folder / FILE, checked(self._get(at("/v1/batches/{}/croissant", batch_id))).content)
        wanted = [*_packages(batch_id, folder), *(self._volumes(prepared_by, folder) if prepared_by else ())]
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            for done, _ in enumerate(pool.map(self.fetch, wanted), 1):
                say(done, len(wanted))
        finally:
            pool.shutdown(cancel_futures=True)
        return _localise(folder)

    def fetch(self, wanted: Fetch) -> None:
        """Fetch one file, going on where an earlier try broke off."""
        if wanted.file.exists():
            return
        wanted.file.parent.mkdir(parents=True, exist_ok=True)
        part = wanted.file.with_name(f"{wanted.file.name}.part")
        for number in range(1, _TRIES + 1):
            try:
                said = self._fetch_rest(wanted, part)
            except UnreachableError:
                if number == _TRIES:
                    raise
                time.sleep(_PAUSE_SECONDS * 2**number)
                continue
            if _digest(part) == (wanted.sha256 or said):
                part.replace(wanted.file)
                return
            part.unlink()  # a part of an earlier file of this name, or spoilt on the way
        raise DigestError(wanted.file.name)

    def _fetch_rest(self, wanted: Fetch, part: Path) -> str:
        """Append what is missing of a file; returns the digest that the handoff says of the whole."""
        have = part.stat().st_size if part.exists() else 0
        headers = {**self._api, **({"Range": f"bytes={have}-"} if have else {})}
        try:
            with self._http.stream("GET", wanted.path, headers=headers) as answer:
                if answer.status_code != 416:  # else all of it is here
                    _append(answer, part)
                return str(answer.headers.get("Sluice-SHA256", ""))
        except httpx.TransportError as error:
            raise UnreachableError(self._url, str(error) or type(error).__name__) from error

    def _volumes(self, prepared_by: str, folder: Path) -> Iterator[Fetch]:
        answer = checked(self._get(at("/v1/handoffs/{}", prepared_by))).json()
        for entry in answer["files"]:
            file = ResultFile.model_validate(entry)
            if file.role in {"volume", "volume-index"}:
                place = at("/v1/results/{}/files", prepared_by, below=file.path)
                yield Fetch(place, folder / VOLUMES / file.path, file.sha256)


def _append(answer: httpx.Response, part: Path) -> None:
    """Write a body where it belongs: behind what is there, or in its place if the whole comes."""
    if not answer.is_success:
        answer.read()
        checked(answer)
    with part.open("ab" if answer.status_code == 206 else "wb") as stream:
        for block in answer.iter_raw(1 << 20):
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())


def _packages(batch_id: str, folder: Path) -> list[Fetch]:
    """The packages that the lines name, each once."""
    names = {line.package.rpartition("/")[2] for line in read_batch(folder / LINES) if isinstance(line, InstanceLine)}
    return [
        Fetch(at("/v1/batches/{}/packages/{}", batch_id, sha256), folder / PACKAGES / name, sha256)
        for name in sorted(names)
        for sha256 in (name.removesuffix(".zip"),)
    ]


def _localise(folder: Path) -> Path:
    """Write the lines with the places of this machine."""
    root, volumes = (folder / PACKAGES).resolve(), (folder / VOLUMES).resolve()
    temporary = folder / f".{LOCAL}"
    with temporary.open("wb") as stream:
        for line in read_batch(folder / LINES):
            here: InstanceLine | VolumeLine | None = None
            if isinstance(line, InstanceLine):
                here = line.model_copy(update={"package": (root / line.package.rpartition("/")[2]).as_uri()})
            elif isinstance(line, VolumeLine):
                here = line.model_copy(update={"uri": (volumes / _below_result(line.uri)).as_uri()})
            stream.write(canonical_json(here or line) + b"\n")
    temporary.replace(folder / LOCAL)
    return folder / LOCAL


def _below_result(uri: str) -> str:
    """The path of a volume below its handoff's result, whose name is a key of 64 hex digits."""
    parts = uri.rstrip("/").split("/")
    keys = [at for at, part in enumerate(parts) if _KEY.fullmatch(part)]
    return "/".join(parts[keys[-1] + 1 :]) if keys else parts[-1]


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}")
    temporary.write_bytes(content)
    temporary.replace(file)
