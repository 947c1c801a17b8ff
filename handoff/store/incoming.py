"""Bodies on their way in: hashed once while they are written to a local part file, wherever they will be kept."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Protocol

from handoff.store.durable import place, settle, sweep
from handoff.store.part import Part


class Watch(Protocol):
    """Somebody who looks at a body while it comes in."""

    def feed(self, block: bytes | memoryview) -> None:
        """The next bytes."""


class Incoming(Part):
    """A body on its way into the store. Locked while open, so that a start-up can tell a dead part from a live one."""

    def __init__(self, path: Path, watch: Watch | None = None) -> None:
        """Begin; `watch` is shown everything that is written, by whoever writes it."""
        super().__init__(path.open("xb", buffering=0))
        self.path = path
        self.watch = watch
        self._sha256 = ""
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def opened_again(self) -> int:
        """A descriptor for another process that writes it: our lock is not with it, and so ends with us alone."""
        return os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)

    def written_elsewhere(self, size: int, sha256: str) -> None:
        """Another process wrote all of it."""
        self.size, self._sha256 = size, sha256

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, hex."""
        return self._sha256 or super().sha256

    def keep(self, target: Path) -> None:
        """Make the body durable under its name on this disk: fsync, rename, fsync of the folder."""
        settle(self._file.fileno())
        place(self.path, target)
        self._file.close()

    def discard(self) -> None:
        """Forget the body; nothing of it stays. Harmless after `keep`."""
        if not self._file.closed:
            self.path.unlink(missing_ok=True)
            self._file.close()


class Spool:
    """The folder of part files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def receive(self, watch: Watch | None = None) -> Incoming:
        """Open a part file for a body."""
        return Incoming(self.folder / f"{secrets.token_hex(16)}.part", watch)

    def sweep(self) -> int:
        """Remove what processes that were killed left: bodies on their way in, and files on their way to S3."""
        return sum(sweep(self.folder, pattern) for pattern in ("*.part", "*.out"))
