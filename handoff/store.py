"""The folder store: bodies come in as part files, are hashed once while they are written, and are kept by a rename."""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO


class Incoming:
    """A body on its way into the store. Locked while open, so that a start-up can tell a dead part from a live one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        self._file: BinaryIO = path.open("xb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, chunks: list[bytes]) -> None:
        """Append the chunks and hash them."""
        block = b"".join(chunks)
        self._hash.update(block)
        view = memoryview(block)
        while view:
            view = view[self._file.write(view) :]
        self.size += len(block)

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, hex."""
        return self._hash.hexdigest()

    def keep(self, target: Path) -> None:
        """Make the body durable under its name: fsync, rename, fsync of the folder."""
        os.fsync(self._file.fileno())
        make_folder(target.parent)
        self.path.rename(target)
        fsync_folder(target.parent)
        self._file.close()

    def discard(self) -> None:
        """Forget the body; nothing of it stays. Harmless after `keep`."""
        if not self._file.closed:
            self.path.unlink(missing_ok=True)
            self._file.close()


class FolderStore:
    """Packages by digest, batches by id, pipelines by version."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    def receive(self) -> Incoming:
        """Open a part file for a body."""
        return Incoming(self._incoming / f"{secrets.token_hex(16)}.part")

    def package(self, sha256: str) -> Path:
        """Where a package lies: by its own digest, so that keeping it twice is the same as once."""
        return self.root / "packages" / sha256[:2] / f"{sha256}.zip"

    def batch(self, batch_id: str) -> Path:
        """The folder of a batch."""
        return self.root / "batches" / batch_id

    def pipeline(self, version: str) -> Path:
        """The compiled YAML of a pipeline version."""
        return self.root / "pipelines" / f"{version}.yaml"

    def sweep(self) -> int:
        """Remove part files that no living process writes; returns how many."""
        removed = 0
        for part in self._incoming.glob("*.part"):
            with part.open("rb") as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                part.unlink(missing_ok=True)
                removed += 1
        return removed


def write_durably(target: Path, blocks: Iterable[bytes]) -> str:
    """Write a file by temporary name, fsync and rename; returns its SHA-256."""
    make_folder(target.parent)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    digest = hashlib.sha256()
    with temporary.open("xb") as stream:
        for block in blocks:
            digest.update(block)
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(target)
    fsync_folder(target.parent)
    return digest.hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it durably."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)


def fsync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
