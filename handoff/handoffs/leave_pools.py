"""When a target leaves its pools to the other members: after its engine or disk failed, longer each time.

A target that is down has free places, and would take every row of the pool, one after the other, before the others.
"""

import random
import time

_FIRST_SECONDS = 2.0
_LONGEST_SECONDS = 60.0


class LeavePools:
    """Remembers how the last sendings of one worker went."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    def learn(self, *, works: bool) -> None:
        """Note how a sending went."""
        if works:
            self._failures, self._until = 0, 0.0
            return
        self._failures += 1
        pause = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(self._failures - 1, 10))
        self._until = time.monotonic() + pause * random.uniform(0.5, 1.0)

    def now(self) -> bool:
        """Whether pools are left alone at the moment."""
        return time.monotonic() < self._until
