"""Threads that are used again: to make and to end one costs as much as all the rest of a short association."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

MOST_IDLE: Final = 16
"""So many wait for their next work; they hold a stack each and nothing else."""

Work = Callable[[], None]


class Threads:
    """As many as there is work at one time; a few wait, without polling, for the next. Any thread may call."""

    def __init__(self, name: str, most_idle: int = MOST_IDLE) -> None:
        """Begin without any.

        Args:
            name: What each is called.
            most_idle: How many may wait; others end when their work does.
        """
        self._name, self._most_idle = name, most_idle
        self._lock = Lock()
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._idle = 0
        self._closed = False

    def begin(self, work: Work) -> None:
        """Have `work` done now, beside all that is being done; it sees to its own errors.

        Raises:
            RuntimeError: the system has no thread left.
        """
        with self._lock:
            is_waited_for = self._idle > 0
            if is_waited_for:
                self._idle -= 1
        if is_waited_for:
            self._work.put(work)
        else:
            Thread(target=self._run, args=(work,), name=self._name, daemon=True).start()

    def close(self) -> None:
        """Let those that wait end; the others end after their work."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._work.put(None)

    def _run(self, work: Work | None) -> None:
        while work is not None:
            work()
            del work  # what it held is not needed while this waits
            with self._lock:
                if self._closed or self._idle >= self._most_idle:
                    return
                self._idle += 1
            work = self._work.get()
