"""How much may be written before the disk's reserve is touched, without asking the disk for each piece."""

import time
from collections.abc import Callable
from typing import Final

_TRUSTED_SECONDS: Final = 0.1
"""How long an answer of the disk is believed: others write to it too."""
_FAR_BYTES: Final = 64 * 1024 * 1024
"""Nearer to the reserve than this the disk is asked each time."""


class Room:
    """Shared by all associations; any thread. What threads take at the very same moment may be counted once."""

    def __init__(
        self, free_bytes: Callable[[], int], reserve_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin.

        Args:
            free_bytes: Asks the disk.
            reserve_bytes: What must be left.
            clock: Seconds.
        """
        self._free_bytes, self._reserve, self._clock = free_bytes, reserve_bytes, clock
        self._left = 0
        self._asked_at = float("-inf")

    def take(self, size: int) -> bool:
        """Whether `size` bytes more would leave the reserve untouched; they count as written."""
        now = self._clock()
        if self._left - size < _FAR_BYTES or now - self._asked_at >= _TRUSTED_SECONDS:
            self._left = self._free_bytes() - self._reserve
            self._asked_at = now
        self._left -= size
        return self._left >= 0
