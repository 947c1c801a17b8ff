"""How much a peer may send: a pace, which makes it wait, and a day's amount, beyond which it is refused.

A pace is kept by answering later, never by refusing: the sender sends its next object when it has its answer. No answer
waits longer than `LONGEST_WAIT_SECONDS`, so that no sender takes a slow answer for none.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

LONGEST_WAIT_SECONDS: Final = 10.0
_DAY_SECONDS: Final = 86400.0


class Allowance:
    """Shared by all associations of one peer; any thread."""

    def __init__(
        self,
        objects_per_second: float | None = None,
        bytes_per_second: float | None = None,
        bytes_per_day: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin; None is no limit.

        Args:
            objects_per_second: C-STOREs answered, on average.
            bytes_per_second: Bytes of data sets, on average.
            bytes_per_day: Bytes of data sets in one day, UTC; an object is refused once they are used up.
            clock: Unix seconds.
        """
        self._objects_per_second = objects_per_second
        self._bytes_per_second = bytes_per_second
        self.bytes_per_day = bytes_per_day
        self._clock = clock
        self._lock = threading.Lock()
        self._due = 0.0
        self._day = -1
        self._today = 0

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        return any((self._objects_per_second, self._bytes_per_second, self.bytes_per_day))

    def count(self, size: int) -> None:
        """At least so many bytes have come this day already: before a restart, or before these limits."""
        with self._lock:
            self._today = max(self._of_today(), size)

    @property
    def today(self) -> int:
        """Bytes of this day, as far as they were counted here."""
        with self._lock:
            return self._of_today()

    def used_up(self) -> bool:
        """Whether this day's bytes are used up."""
        if self.bytes_per_day is None:
            return False
        with self._lock:
            return self._of_today() >= self.bytes_per_day

    def came(self, size: int, *, is_kept: bool = True) -> float:
        """An object of `size` bytes has come; returns how many seconds its answer should wait.

        One that was refused counts for the pace, not for the day: its sender will send it again.
        """
        cost = 1.0 / self._objects_per_second if self._objects_per_second else 0.0
        if self._bytes_per_second:
            cost = max(cost, size / self._bytes_per_second)
        with self._lock:
            now = self._clock()
            self._today = self._of_today() + (size if is_kept else 0)
            # Bounded on both sides: a clock that jumps makes nobody wait for the time that it jumped.
            start = min(max(self._due, now), now + LONGEST_WAIT_SECONDS)
            self._due = start + cost
            return start - now if cost else 0.0

    def _of_today(self) -> int:
        day = int(self._clock() // _DAY_SECONDS)
        if day != self._day:
            self._day, self._today = day, 0
        return self._today
