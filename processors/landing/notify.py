"""Tell the announcer that there is news: one byte into a FIFO. A lost byte costs time, never an instance."""

import contextlib
import os
from pathlib import Path


class Notifier:
    """Writes to the landing's FIFO without ever waiting for a reader."""

    def __init__(self, fifo: Path) -> None:
        # Open for reading too: without a reader, a non-blocking open for writing alone would fail.
        self._descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def notify(self) -> None:
        """Write one byte; a full FIFO has been telling of news already."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._descriptor, b"\n")

    def close(self) -> None:
        """Let go of the FIFO."""
        os.close(self._descriptor)
