"""Keeps pynetdicom's reactor thread away from answers that the thread that asked waits for.

An association's reactor is paused by an event before a request is sent. In pynetdicom 3.0 a reactor that has been let
go on, and is asked to pause again before it had the processor, goes on all the same: it takes the answer, and the one
who asked waits for nothing until the time limit. On a busy machine that happened once in some hundred C-STOREs.
"""

import threading
from typing import Any, Final

_LOOK_SECONDS: Final = 0.05


class AssociationEndedError(RuntimeError):
    """The association ended before the request; pynetdicom itself raises a RuntimeError then."""


class Checkpoint:
    """Stands in for the event; `clear` returns once the reactor waits, and cannot go on before `set`."""

    def __init__(self, reactor: threading.Thread) -> None:
        self._reactor = reactor
        self._changed = threading.Condition()
        self._open = True
        self._waiting = False

    def wait(self) -> None:
        """The reactor's turn to wait."""
        with self._changed:
            self._waiting = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open)
            self._waiting = False

    def set(self) -> None:
        """Let the reactor go on."""
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Have the reactor wait.

        Raises:
            AssociationEndedError: it has ended, and the association with it.
        """
        with self._changed:
            self._open = False
            while not self._waiting:
                if not self._reactor.is_alive():
                    raise AssociationEndedError
                self._changed.wait(_LOOK_SECONDS)


def guard(association: Any) -> None:
    """Give an established association such a checkpoint; pynetdicom has no public name for it."""
    association._reactor_checkpoint = Checkpoint(association)  # noqa: SLF001
