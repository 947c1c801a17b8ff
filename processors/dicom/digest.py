"""The SHA-256 of a data set while it comes; that of a large one in a thread of its own, beside reading and writing.

To hash takes as long as to read and to write together. A small object would lose more by waking up a thread than it
gains, so the thread begins with what follows the first megabytes. It works on copies: whoever brings the bytes may
use their memory again at once.
"""

import hashlib
import threading
from queue import SimpleQueue
from typing import Final

LARGE_BYTES: Final = 8 << 20
"""Beyond this a data set is large."""
_BLOCK_BYTES: Final = 262144
_BLOCKS: Final = 3
"""One that is filled, one that is hashed, and one for whoever is late."""


class Digest:
    """Of one data set. Its owner calls it from one thread, and calls `close` whatever happens."""

    def __init__(self, large_bytes: int = LARGE_BYTES) -> None:
        """Begin.

        Args:
            large_bytes: So many bytes are hashed at once; what follows, beside.
        """
        self._hash = hashlib.sha256()
        self._at_once = large_bytes
        self._beside: _Beside | None = None

    def update(self, piece: bytes | memoryview) -> None:
        """The next bytes; they are needed only until this returns."""
        if self._beside is None and self._at_once > 0:
            self._at_once -= len(piece)
            if self._at_once <= 0:
                self._beside = _begin(self._hash)
        elif self._beside is not None:
            self._beside.take(memoryview(piece))
            return
        self._hash.update(piece)

    def hexdigest(self) -> str:
        """Of all bytes that have come; no more may come."""
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        """End the thread, if there is one, after all that it was given. Repeating it is harmless."""
        beside, self._beside = self._beside, None
        self._at_once = 0
        if beside is not None:
            beside.close()


class _Beside:
    """A thread that hashes blocks, and the blocks that go round between it and whoever fills them."""

    def __init__(self, hash_: "hashlib._Hash") -> None:
        self._hash = hash_
        self._full: SimpleQueue[memoryview | None] = SimpleQueue()
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="digest", daemon=True)
        self._thread.start()
        for _ in range(_BLOCKS):
            self._free.put(memoryview(bytearray(_BLOCK_BYTES)))
        self._block = self._free.get()
        self._filled = 0

    def take(self, piece: memoryview) -> None:
        while piece:
            count = min(len(piece), _BLOCK_BYTES - self._filled)
            self._block[self._filled : self._filled + count] = piece[:count]
            self._filled += count
            piece = piece[count:]
            if self._filled == _BLOCK_BYTES:
                self._full.put(self._block)
                self._block, self._filled = self._free.get(), 0

    def close(self) -> None:
        self._full.put(self._block[: self._filled])
        self._full.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (block := self._full.get()) is not None:
            self._hash.update(block)
            self._free.put(block)


def _begin(hash_: "hashlib._Hash") -> _Beside | None:
    try:
        return _Beside(hash_)
    except RuntimeError:  # the system has no thread left: then it takes longer
        return None
