"""Bodies on their way in: hashed once while they are written to a local part file, wherever they will be kept."""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import threading
from pathlib import Path
from typing import BinaryIO, Protocol

from handoff.store.durable import place, settle, sweep

_ALIGNED = 4096
_TURN = threading.Lock()
"""Bodies that go past the cache go to the disk one block after another: of four at once each fsync of the database
waited three times as long (11 ms for 3 ms), and they came no faster."""
_DIRTY = 8 << 20
"""Bytes after which the disk is told to begin."""


class Watch(Protocol):
    """Somebody who looks at a body while it comes in."""

    def feed(self, block: bytes | memoryview) -> None:
        """The next bytes."""


class Incoming:
    """A body on its way into the store. Locked while open, so that a start-up can tell a dead part from a live one."""

    def __init__(self, path: Path, watch: Watch | None = None) -> None:
        """Begin; `watch` is shown everything that is written, by whoever writes it."""
        self.path = path
        self.size = 0
        self.watch = watch
        self._started = 0
        self._direct = False
        self._hash = hashlib.sha256()
        self._file: BinaryIO = path.open("xb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, chunks: list[bytes]) -> None:
        """Append the chunks and hash them."""
        block = b"".join(chunks)
        self.hash(block)
        self.store(block)

    def hash(self, block: bytes | memoryview) -> None:
        """Hash the next bytes. Whoever hashes and stores apart does both with all of them."""
        self._hash.update(block)

    def go_past_cache(self) -> None:
        """Let whole blocks of aligned memory go to the disk at once, where it can.

        That spares a copy of them, and nobody's fsync then waits for what the cache holds of them.
        """
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._file, fcntl.F_SETFL, fcntl.fcntl(self._file, fcntl.F_GETFL) | os.O_DIRECT)
            self._direct = True

    def _use_cache(self) -> None:
        fcntl.fcntl(self._file, fcntl.F_SETFL, fcntl.fcntl(self._file, fcntl.F_GETFL) & ~os.O_DIRECT)
        self._direct = False

    def store(self, block: bytes | memoryview) -> None:
        """Append the next bytes."""
        view = memoryview(block)
        if self._direct and len(view) % _ALIGNED:
            self._use_cache()
        while view:
            try:
                with _TURN if self._direct else contextlib.nullcontext():
                    view = view[self._file.write(view) :]
            except OSError as error:
                if not self._direct or error.errno != errno.EINVAL:
                    raise
                self._use_cache()  # a disk of another alignment, or one that was cut short
        self.size += len(block)
        if not self._direct and self.size - self._started >= _DIRTY:
            # Begin to write it out now: what waits in memory would be waited for by every fsync on this disk.
            os.posix_fadvise(self._file.fileno(), self._started, self.size - self._started, os.POSIX_FADV_DONTNEED)
            self._started = self.size

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, hex."""
        return self._hash.hexdigest()

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
