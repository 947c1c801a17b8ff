"""A value of another server, as fresh as can be had without leaning on that server."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from handoff.errors import OpenidDownError

Value = TypeVar("Value")
_WAITING = 8
"""Requests that may wait for the provider at one time; so a silent one never takes all of the service's threads."""


@dataclass(frozen=True, slots=True)
class Ages:
    """When to fetch again, in seconds."""

    fresh: float = 300.0
    """Used without a look."""
    stale: float = 86_400.0
    """Used where the server is silent: longer than an outage, shorter than a withdrawn key may live."""
    pause: float = 10.0
    """Least time from one fetch to the next, whatever is asked for: unknown keys in forged tokens cost nothing."""


class Remembered(Generic[Value]):
    """Fetched by one thread at a time; the others use what is there, or wait for it."""

    def __init__(self, fetch: Callable[[], Value], ages: Ages, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._ages = ages
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING)
        self._held: tuple[Value, float] | None = None
        self._tried: float | None = None

    def get(self) -> Value:
        """The value, fetched if there is none or it is no longer fresh.

        Raises:
            OpenidDownError: there is none that may still be used, and the server gives none.
        """
        held = self._held
        if held is not None and self._age(held) < self._ages.fresh:
            return held[0]
        return self._renewed(held)

    def again(self) -> Value:
        """The value, fetched anew unless that was tried a moment ago.

        Raises:
            OpenidDownError: as `get`.
        """
        return self._renewed(self._held)

    def _renewed(self, seen: tuple[Value, float] | None) -> Value:
        if self._just_tried():
            return self._usable()
        if not self._waiting.acquire(blocking=False):
            return self._usable()
        try:
            with self._lock:
                # who waited finds what the one before brought, or that it brought nothing
                if self._held is seen and not self._just_tried():
                    self._renew()
        finally:
            self._waiting.release()
        return self._usable()

    def _renew(self) -> None:
        try:
            self._held = (self._fetch(), self._clock())
        except OpenidDownError:
            if self._held is None:
                raise
        finally:
            self._tried = self._clock()  # at the end: who comes in the middle waits instead of finding nothing

    def _usable(self) -> Value:
        held = self._held
        if held is None or self._age(held) >= self._ages.stale:
            raise OpenidDownError
        return held[0]

    def _age(self, held: tuple[Value, float]) -> float:
        return self._clock() - held[1]

    def _just_tried(self) -> bool:
        return self._tried is not None and self._clock() - self._tried < self._ages.pause
