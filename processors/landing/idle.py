"""Seals the deliveries of associations on which nothing comes any more but that stay open.

The watch sleeps until the first of them can be due, so it wakes at most a few times in ten seconds: idle costs nothing.
"""

import threading
from collections.abc import Callable
from typing import Protocol


class Watched(Protocol):
    """An association, as the watch sees it."""

    def idle_at(self) -> float | None:
        """Since when nothing has been heard, in seconds of the watch's clock; None if no delivery is open."""

    def seal_if_idle(self, seconds: float) -> None:
        """Seal if no byte has come for `seconds`."""


class IdleWatch:
    """A thread that looks at all associations."""

    def __init__(
        self, seconds: float, clock: Callable[[], float], report: Callable[[str, BaseException], None]
    ) -> None:
        """Start the thread.

        Args:
            seconds: Silence after which an association's deliveries are sealed.
            clock: Seconds since any moment; one that can be set would let a silence last for years.
            report: Called with an event and an error that must not end the watch.
        """
        self._seconds = seconds
        self._clock = clock
        self._report = report
        self._watched: set[Watched] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="idle-watch", daemon=True)
        self._thread.start()

    def watch(self, association: Watched) -> None:
        """Begin to look at an association."""
        with self._lock:
            self._watched.add(association)

    def forget(self, association: Watched) -> None:
        """The association has ended."""
        with self._lock:
            self._watched.discard(association)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._pause()):
            for association in self._snapshot():
                since = association.idle_at()
                if since is not None and self._clock() - since >= self._seconds:
                    self._seal(association)

    def _seal(self, association: Watched) -> None:
        try:
            association.seal_if_idle(self._seconds)
        except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
            self._report("idle-seal-fault", error)

    def _pause(self) -> float:
        """Seconds to the first possible deadline; an association that opens meanwhile is due later than that."""
        silences = [since for association in self._snapshot() if (since := association.idle_at()) is not None]
        if not silences:
            return self._seconds
        return min(max(min(silences) + self._seconds - self._clock(), 0.01), self._seconds)

    def _snapshot(self) -> list[Watched]:
        with self._lock:
            return list(self._watched)
