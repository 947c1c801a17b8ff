"""How long a sender may take: waiting is measured, not the time that our own disk takes.

A limit of silence alone would let one who sends a byte a minute hold a thread for ever. So each `WORTH_BYTES` of a body
are worth so many seconds of waiting, and what is not used up is not saved.
"""

import time
from typing import Final

from processors.dicom.fast.wire import Wire

WORTH_BYTES: Final = 65536


class Patience:
    """Reads from a connection for as long as its sender brings enough."""

    def __init__(self, wire: Wire, seconds: float) -> None:
        """Begin.

        Args:
            wire: The connection.
            seconds: Of waiting for each `WORTH_BYTES`, and for what is less at the end.
        """
        self._wire, self._seconds = wire, seconds
        self._left = seconds
        self._came = 0

    def some(self, limit: int) -> memoryview:
        """As `Wire.some`.

        Raises:
            LostError: the connection has ended.
            SilentError: too little has come for too long.
        """
        began = self._begin()
        piece = self._wire.some(limit)
        self._end(began, len(piece))
        return piece

    def line(self, limit: int) -> bytes:
        """As `Wire.through` a line feed."""
        began = self._begin()
        line = self._wire.through(b"\n", limit)
        self._end(began, len(line))
        return line

    def _begin(self) -> float:
        began = time.monotonic()
        self._wire.wait_until(began + self._left)
        return began

    def _end(self, began: float, count: int) -> None:
        self._left -= time.monotonic() - began
        self._came += count
        if self._came >= WORTH_BYTES:
            self._came, self._left = 0, self._seconds
