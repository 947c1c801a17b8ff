"""Large bodies without the event loop: a thread reads the socket, and others hash and write what it read.

1. The reader fills the blocks of a ring, as the sender sends.
2. Each step takes the blocks in their order, in a thread of its own: one writes, one hashes the whole, and one looks at
   the content where somebody wants to know it. All of them leave the interpreter to others while they work.
3. A block is filled again when every step is done with it, so that a body takes the memory of the ring and no more.
"""

import contextlib
import mmap
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from handoff.bulk.pace import Pace
from handoff.errors import SlowError, StoppingError

BLOCK = 1 << 20
_RING = 8
"""Blocks on their way."""
_AT_ONCE = 256 << 10
"""Bytes that are worth waking up for; what is silent with less is looked at by time."""
_LOOK_SECONDS = 0.25


class SenderGoneError(Exception):
    """The sender went away before the end of its body."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What is still to come of a body.

    `came` was read by the loop already; `left` bytes more are to be read from `socket`, which never blocks.
    """

    came: bytes
    left: int
    socket: socket.socket


class Reading:
    """The rest of one body."""

    def __init__(self, rest: Rest, pace: Pace, over: Callable[[], bool]) -> None:
        """Begin.

        Args:
            rest: the socket, and what came before.
            pace: of this body.
            over: whether what still comes is refused.
        """
        self.read = 0
        """Bytes that were taken from the socket."""
        self.given_up = threading.Event()
        self._came = rest.came
        self._rest = rest
        self._pace = pace
        self._over = over
        self._poll = select.poll()
        self._poll.register(rest.socket, select.POLLIN)

    def pass_on(self, first: bytes, steps: Sequence[Callable[[memoryview], None]]) -> None:
        """Read to the end of the body, and give each block to each step.

        Args:
            first: what came of the body before the rest.
            steps: called with one block after the other, which are theirs until they return.

        Raises:
            SenderGoneError: the sender went away.
            SlowError: the sender is too slow.
            StoppingError: the service ends, and the body did not come in time.
        """
        self._came = first + self._came
        memory = mmap.mmap(-1, _RING * BLOCK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):  # of a kernel that has none
            memory.madvise(mmap.MADV_HUGEPAGE)  # sockets and disks find them in two thirds of the time
        ring = memoryview(memory)
        stages: list[_Stage] = []
        try:
            for step in steps:
                stage = _Stage(step)
                stage.start()
                stages.append(stage)
            at = 0
            while self._came or self.read < self._rest.left:
                for stage in stages:
                    stage.wait_for_room()
                block = ring[at * BLOCK : (at + 1) * BLOCK]
                block = block[: self._fill(block)]
                for stage in stages:
                    stage.todo.put(block)
                at = (at + 1) % _RING
        finally:
            for stage in stages:
                stage.todo.put(None)
            for stage in stages:
                stage.join()
            memory.madvise(mmap.MADV_DONTNEED)  # an error keeps what it met, and would keep 8 MiB of each body
        for stage in stages:
            stage.require_done()

    def _fill(self, block: memoryview) -> int:
        """Fill a block as far as the body goes; returns how far."""
        filled = min(len(block), len(self._came))
        block[:filled] = self._came[:filled]
        self._came = self._came[filled:]
        wanted = min(len(block), filled + self._rest.left - self.read)
        while filled < wanted:
            filled += self._receive(block[filled:wanted], self._rest.left - self.read)
        return filled

    def _receive(self, view: memoryview, left: int) -> int:
        """Take what is there, or wait for it."""
        if self.given_up.is_set():
            raise SlowError
        size = self._take(view)
        if not size:
            began = time.monotonic()
            patience = self._pace.patience()
            # Wake up for many bytes at once; what comes after a shorter silence is found by looking.
            self._rest.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, min(_AT_ONCE, left))
            while not size:
                waited = time.monotonic() - began
                if self.given_up.is_set() or waited > patience:
                    raise SlowError
                if self._over():
                    raise StoppingError
                self._poll.poll(1000 * min(_LOOK_SECONDS, patience))
                size = self._take(view)
            self._pace.note(time.monotonic() - began, 0)
        self._pace.note(0, size)
        if self._over():
            raise StoppingError
        return size

    def _take(self, view: memoryview) -> int:
        try:
            size = self._rest.socket.recv_into(view)
        except BlockingIOError:
            return 0
        except OSError as error:  # also one of a network that is gone, which is no ConnectionError
            raise SenderGoneError from error
        if not size:
            raise SenderGoneError
        self.read += size
        return size


class _Stage(threading.Thread):
    """One step, block by block."""

    def __init__(self, step: Callable[[memoryview], None]) -> None:
        super().__init__(name="body", daemon=True)
        self.todo: SimpleQueue[memoryview | None] = SimpleQueue()
        self._step = step
        self._room = threading.Semaphore(_RING)
        self._error: Exception | None = None

    def run(self) -> None:
        """Do it; after an error blocks are only let go."""
        while (block := self.todo.get()) is not None:
            if self._error is None:
                try:
                    self._step(block)
                except Exception as error:  # noqa: BLE001 - raised again where the body is awaited
                    self._error = error
            self._room.release()

    def wait_for_room(self) -> None:
        """Wait until the next block of the ring is free, or raise what the step raised."""
        self._room.acquire()
        self.require_done()

    def require_done(self) -> None:
        """Raise what the step raised."""
        if self._error is not None:
            raise self._error
