"""What a place for files can do, and a folder that does it. A path is relative, with forward slashes."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from handoff.errors import StoreDownError
from handoff.store.durable import write_durably
from handoff.store.incoming import Incoming

BLOCK = 1 << 20
RESERVE = 1 << 30
"""Bytes that must be free before a disk counts as full."""
_NO_FOLDER = "Mount the disk of the store, or mend store_url; then send it again, nothing is lost."
Condition = Literal["ok", "full", "failed"]


class OutsideError(Exception):
    """A path leads out of its place, or to something that is no file."""


class Files(Protocol):
    """A place for files. What is absent raises FileNotFoundError; a place that does not answer, StoreDownError."""

    uri: str
    """`file://` or `s3://`, without a slash at its end."""

    def below(self, path: str) -> "Files":
        """The part of this place below a path."""

    def keep(self, body: Incoming, path: str) -> None:
        """Make a body durable here under a path, or raise; then, and only then, its part file is gone."""

    def write(self, path: str, blocks: Iterable[bytes]) -> str:
        """Make a file durable; it is there whole or not at all. Returns its SHA-256."""

    def size(self, path: str) -> int:
        """Bytes of a file."""

    def read(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The content from a byte on, in blocks."""

    def local(self, path: str) -> Path | None:
        """The file itself where it lies on a disk of this machine."""

    def remove(self, path: str) -> None:
        """Remove a file; harmless when it is absent."""

    def paths(self) -> Iterator[str]:
        """Every path here."""

    def condition(self) -> Condition:
        """Whether files can be kept now."""


class Folder:
    """Files of one folder of this machine."""

    def __init__(self, root: Path, top: Path | None = None) -> None:
        self.root = root
        self.uri = root.as_uri()
        self._top = top or root

    def below(self, path: str) -> "Folder":
        """The folder below this one."""
        return Folder(self.root / path, self._top)

    def keep(self, body: Incoming, path: str) -> None:
        """By fsync and rename; the part file is on the same disk."""
        body.keep(self.root / path)

    def write(self, path: str, blocks: Iterable[bytes]) -> str:
        """By a temporary name, fsync and rename."""
        return write_durably(self.root / path, blocks)

    def size(self, path: str) -> int:
        """Bytes of a regular file below this folder, wherever links lead.

        Raises:
            OutsideError: it is none.
            StoreDownError: the whole folder is gone, as when a disk is not mounted; its files are not missing then.
        """
        file = self.root / path
        try:
            with self._there():
                inside = file.resolve(strict=True).is_relative_to(self.root.resolve())
        except RuntimeError as error:  # a link to itself
            raise OutsideError(path) from error
        if not inside or not file.is_file():
            raise OutsideError(path)
        return file.stat().st_size

    def read(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Block by block."""
        with self._there():
            stream = (self.root / path).open("rb")
        with stream:
            stream.seek(start)
            while block := stream.read(BLOCK):
                yield block

    @contextmanager
    def _there(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if not self._top.is_dir():
                raise StoreDownError("The store's folder is not there.", remedy=_NO_FOLDER) from None
            raise

    def local(self, path: str) -> Path | None:
        """The file."""
        return self.root / path

    def remove(self, path: str) -> None:
        """Unlink it."""
        (self.root / path).unlink(missing_ok=True)

    def paths(self) -> Iterator[str]:
        """Regular files, sorted as text, as S3 does it and pages of a list go on: not by folder, as paths compare."""
        yield from sorted(file.relative_to(self.root).as_posix() for file in self.root.rglob("*") if file.is_file())

    def condition(self) -> Condition:
        """By the room on the disk."""
        return room(self.root)


def room(folder: Path) -> Condition:
    """Whether the disk of a folder has room and takes a file; it is asked by writing one that has no name."""
    try:
        if shutil.disk_usage(folder).free <= RESERVE:
            return "full"
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(b"x")
            os.fsync(probe.fileno())
    except OSError as error:
        return "full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "failed"
    return "ok"


@contextmanager
def held(files: Files, path: str) -> Iterator[None]:
    """Let what removes a file in this block remove its name alone; its bytes go at the end of the block, or of us.

    To free the bytes of a large file takes long (0.9 s for 2 GiB), and nobody need wait with us who waits for a lock.
    """
    file = files.local(path)
    descriptor = None
    with contextlib.suppress(OSError):
        descriptor = None if file is None else os.open(file, os.O_RDONLY)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def is_there(files: Files, path: str, size: int) -> bool:
    """Whether a file of this size is there."""
    try:
        return files.size(path) == size
    except (OSError, OutsideError):
        return False


def digest_of(files: Files, path: str) -> str:
    """SHA-256 of a file, read anew, hex."""
    digest = hashlib.sha256()
    for block in files.read(path):
        digest.update(block)
    return digest.hexdigest()
