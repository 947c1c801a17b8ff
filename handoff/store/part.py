"""The file of a body, hashed while it is written."""

import contextlib
import errno
import fcntl
import hashlib
import os
import threading
from typing import BinaryIO

_ALIGNED = 4096
_TURN = threading.Lock()
"""Bodies that go past the cache go to the disk one block after another: of four at once each fsync of the database
waited three times as long (11 ms for 3 ms), and they came no faster."""
_DIRTY = 8 << 20
"""Bytes after which the disk is told to begin."""


class Part:
    """A file that is written from its beginning to its end."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin; the file is open for writing, without a buffer of its own."""
        self.size = 0
        self._file = file
        self._started = 0
        self._direct = False
        self._hash = hashlib.sha256()

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
