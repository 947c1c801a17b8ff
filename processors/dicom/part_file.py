"""The file of an object on its way in, and its SHA-256: a small one in its caller's thread, a large one beside it.

A small object would lose more by waking up threads than it gains, so they begin with what makes it large.
"""

import hashlib
import os
from typing import Final

from processors.dicom.relay import Relay
from processors.landing.durable import write_all

LARGE_BYTES: Final = 2 << 20
"""Beyond this an object is large."""
_EARLY_BYTES: Final = 4 << 20
"""Of a large object so much is given to the disk while the rest still comes, so that the sync finds little."""


class PartFile:
    """One file. Its owner calls it from one thread, and calls `close` whatever happens."""

    def __init__(self, path: str, head: bytes) -> None:
        """Begin the file.

        Args:
            path: Of an empty file.
            head: What stands before the data set; it is written with its first bytes, and not hashed.

        Raises:
            OSError: it cannot be opened.
        """
        self.path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._head = head
        self._hash = hashlib.sha256()
        self._relay: Relay | None = None
        self._written = self._given = 0

    @property
    def is_open(self) -> bool:
        """Whether `close` is still to be called."""
        return self.descriptor >= 0

    def write(self, *pieces: bytes | memoryview) -> None:
        """Take the next bytes of the data set; they are needed only until this returns.

        Raises:
            OSError: they, or some before them, could not be written.
        """
        if self._relay is None and self._grows_large(pieces):
            self._append(self._head)
            self._head = b""
            self._relay = Relay.begun(self._hash.update, self._append)
        if self._relay is not None:
            for piece in pieces:
                self._relay.take(memoryview(piece))
            return
        self._append(self._head, *pieces)
        self._head = b""
        for piece in pieces:
            self._hash.update(piece)

    def _grows_large(self, pieces: tuple[bytes | memoryview, ...]) -> bool:
        """Whether it becomes large by these, and was not before."""
        return self._written <= LARGE_BYTES < self._written + sum(map(len, pieces))

    def digest(self) -> str:
        """In hexadecimal, of the whole data set, which has been written when this returns.

        Raises:
            OSError: some of it could not be written.
        """
        if self._relay is not None:
            self._relay.end()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let go of threads and file, which stays where it is. Repeating it is harmless."""
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.abandon()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _append(self, *pieces: bytes | memoryview) -> None:
        """In one thread at a time: in that of the relay as soon as there is one."""
        write_all(self.descriptor, *pieces)
        self._written += sum(map(len, pieces))
        if self._written - self._given >= _EARLY_BYTES:
            # On Linux this starts to write what is dirty, and does not wait; what is not written yet stays in memory.
            os.posix_fadvise(self.descriptor, self._given, self._written - self._given, os.POSIX_FADV_DONTNEED)
            self._given = self._written
