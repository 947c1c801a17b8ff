"""The way of a large object from whoever reads it: blocks that go round by a thread that hashes and one that writes.

To hash takes as long as to read and to write together; so each is done beside the others, and none waits for a slow
moment of another as long as there are free blocks. A block is large, for each hand-over costs: the interpreter's lock
changes hands. Memory is that of the blocks, whatever the object's size, and few objects have them at one time.
"""

import mmap
import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import Final, Self

BLOCK_BYTES: Final = 1 << 20
BLOCKS: Final = 6
MOST_AT_ONCE: Final = min(8, max(2, (os.cpu_count() or 2) // 2))
"""Of more objects one keeps a core busy as it is, and hand-overs cost; so all blocks together are 48 MB at most."""

_places: Final = BoundedSemaphore(MOST_AT_ONCE)


class Relay:
    """Of one object. Its owner calls it from one thread, and calls `end` or `abandon` whatever happens."""

    def __init__(self, hash_block: Callable[[memoryview], object], write_blocks: Callable[..., object]) -> None:
        """Begin. `begun` asks first whether there is a place.

        Args:
            hash_block: Called with each block, in a thread, in order.
            write_blocks: Called with one or more blocks, in another thread, in order; it may raise OSError.

        Raises:
            OSError: there is no memory.
            RuntimeError: the system has no thread left.
        """
        self._hash_block, self._write_blocks = hash_block, write_blocks
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._filled: SimpleQueue[memoryview | None] = SimpleQueue()
        self._hashed: SimpleQueue[memoryview | None] = SimpleQueue()
        self._block: memoryview | None = None
        self._count = 0
        self._error: Exception | None = None
        self._is_abandoned = self._has_place = False
        memory = memoryview(mmap.mmap(-1, BLOCKS * BLOCK_BYTES))  # goes back to the system with its last view
        for begin in range(0, len(memory), BLOCK_BYTES):
            self._free.put(memory[begin : begin + BLOCK_BYTES])
        self._threads: list[Thread] = []
        for name, run in (("hashing", self._hash), ("writing", self._write)):
            thread = Thread(target=run, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self.abandon()
                raise
            self._threads.append(thread)

    @classmethod
    def begun(cls, hash_block: Callable[[memoryview], object], write_blocks: Callable[..., object]) -> Self | None:
        """One, as above; None if there is no place, memory or thread for it: then it takes longer."""
        if not _places.acquire(blocking=False):
            return None
        try:
            relay = cls(hash_block, write_blocks)
        except (OSError, RuntimeError):
            _places.release()
            return None
        relay._has_place = True
        return relay

    def take(self, piece: memoryview) -> None:
        """The next bytes; they are needed only until this returns.

        Raises:
            OSError: an earlier write has failed.
        """
        while piece:
            if self._block is None:
                self._block, self._count = self._free.get(), 0
                self._check()
            count = min(len(piece), len(self._block) - self._count)
            self._block[self._count : self._count + count] = piece[:count]
            self._count += count
            piece = piece[count:]
            if self._count == len(self._block):
                self._pass_on()

    def end(self) -> None:
        """All has come: wait until it is hashed and written, and end both threads.

        Raises:
            OSError: a write has failed.
        """
        if self._block is not None:
            self._pass_on()
        self._join()
        self._check()

    def abandon(self) -> None:
        """Nothing is needed any more: end both threads soon. Harmless after `end`."""
        self._is_abandoned = True
        self._join()

    def _pass_on(self) -> None:
        if self._block is not None:
            self._filled.put(self._block[: self._count])
            self._block = None

    def _join(self) -> None:
        threads, self._threads = self._threads, []
        self._filled.put(None)
        for thread in threads:
            thread.join()
        self._free = SimpleQueue()  # no view is left, whoever still holds this
        if self._has_place:
            self._has_place = False
            _places.release()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _hash(self) -> None:
        while (block := self._filled.get()) is not None:
            self._attempt(self._hash_block, block)
            self._hashed.put(block)
        self._hashed.put(None)

    def _write(self) -> None:
        while blocks := self._all_hashed():
            self._attempt(self._write_blocks, *blocks)
            for block in blocks:
                self._free.put(block)

    def _all_hashed(self) -> list[memoryview]:
        """All blocks that are hashed by now, at least one; none after the last."""
        blocks: list[memoryview] = []
        try:
            while (block := self._hashed.get(block=not blocks)) is not None:
                blocks.append(block)
            if blocks:
                self._hashed.put(None)  # the end is seen next time
        except Empty:
            pass
        return blocks

    def _attempt(self, step: Callable[..., object], *blocks: memoryview) -> None:
        """Do a step, unless all is in vain; blocks go round even so, for somebody may be waiting for one."""
        if self._error is None and not self._is_abandoned:
            try:
                step(*blocks)
            except Exception as error:  # noqa: BLE001 - the outermost loop of a thread; its owner raises it
                self._error = error.with_traceback(None)  # its frames hold blocks
