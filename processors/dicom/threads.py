"""Threads that each take the next connection by themselves, and are used again.

To make and to end a thread costs as much as all the rest of a short association, and to hand a connection from one
thread to another about as much as to answer its request. So several wait for the next one, and the system wakes up
one of them. Whoever is about to serve sees to it first that another one waits.
"""

from collections.abc import Callable
from threading import Lock, Thread
from typing import Final, Generic, TypeVar

MOST_WAITING: Final = 16
"""They hold a stack each and nothing else."""

_Taken = TypeVar("_Taken")


class Threads(Generic[_Taken]):
    """As many as there is to serve at one time, and a few that wait without polling."""

    def __init__(
        self,
        name: str,
        take: Callable[[], _Taken | None],
        serve: Callable[[_Taken], object],
        turn_away: Callable[[_Taken], object],
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Begin without any.

        Args:
            name: What each is called.
            take: Waits for the next to be served; None when there will be no more. Several threads call it at once.
            serve: Serves it to its end, and sees to its own errors.
            turn_away: Called instead when the system has no thread left that could wait meanwhile.
            most_waiting: How many may wait; others end when they have served.
        """
        self._name, self._take, self._serve, self._turn_away = name, take, serve, turn_away
        self._most_waiting = most_waiting
        self._lock = Lock()
        self._waiting = 0

    def start(self) -> None:
        """Have the first one wait.

        Raises:
            RuntimeError: the system has no thread left.
        """
        with self._lock:
            self._begin_one()

    def _begin_one(self) -> None:
        self._waiting += 1
        try:
            Thread(target=self._run, name=self._name, daemon=True).start()
        except RuntimeError:
            self._waiting -= 1
            raise

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            if not self._is_relieved():
                self._turn_away(taken)
                continue
            self._serve(taken)
            del taken  # what it held is not needed while this waits
            with self._lock:
                if self._waiting >= self._most_waiting:
                    return
                self._waiting += 1
        with self._lock:
            self._waiting -= 1

    def _is_relieved(self) -> bool:
        """Whether another one waits from now on; if not, this one must go on."""
        with self._lock:
            self._waiting -= 1
            if self._waiting == 0:
                try:
                    self._begin_one()
                except RuntimeError:
                    self._waiting += 1
                    return False
            return True
