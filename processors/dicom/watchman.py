"""Ends associations of the reference engine that are too slow: pynetdicom itself waits for each byte without an end.

Once a second it looks at how many bytes have come on each; only while a message is on its way, and we are not busy with
it ourselves, does the time count. The fast engine needs none of this: it measures where it reads.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from processors.dicom.pace import Pace
from processors.limits import ReceiverLimits

_LOOKS: Final = 4
"""In the shortest time that is watched over."""


class Watched:
    """What is known of one connection. The engine writes, the watchman reads."""

    def __init__(self, limits: ReceiverLimits) -> None:
        self.began = time.monotonic()
        self.came = 0
        """Bytes."""
        self.is_partial = False
        """Whether a PDU has begun and is not whole."""
        self.is_inside = False
        """Whether a message has begun and is not answered."""
        self.is_busy = False
        """Whether we are storing, so that nobody need send."""
        self.is_asked = False
        """Whether an association request was heard."""
        self._limits = limits
        self._pace = Pace(limits.pace, limits.pace_over)
        self._seen = 0
        self._silent = 0.0

    def whole(self) -> None:
        """A PDU is whole."""
        self.is_partial = False

    def fault(self, seconds: float) -> tuple[str, str] | None:
        """A cause and its detail if this connection must end; `seconds` have passed since the last look."""
        came, self._seen = self.came - self._seen, self.came
        if not self.is_asked:
            if time.monotonic() - self.began < self._limits.request:
                return None
            return "no-request", f"{self._limits.request:g}"
        if self.is_busy or not (self.is_inside or self.is_partial):
            self._pace.restart()
            self._silent = 0.0
            return None
        self._silent = 0.0 if came else self._silent + seconds
        if self._silent >= self._limits.silence_inside:
            return "too-slow", f"nothing in {self._limits.silence_inside:g} s"
        return None if self._pace.came(came, seconds) else ("too-slow", f"less than {self._pace}")


class _Plain(socket.socket):
    """A socket that can be given a method of its own; the class itself has no room for one."""


def counted(connection: socket.socket, watched: Watched) -> socket.socket:
    """The connection, counting what is read from it; the one that was given must not be used any more."""
    found: Any = connection if isinstance(connection, ssl.SSLSocket) else _Plain(fileno=connection.detach())
    read = found.recv

    def recv(count: int, flags: int = 0) -> bytes:
        content: bytes = read(count, flags)
        watched.came += len(content)
        watched.is_partial = True
        return content

    found.recv = recv
    counting: socket.socket = found
    return counting


class Watchman:
    """A thread that looks at all of them."""

    def __init__(self, limits: ReceiverLimits, look: Callable[[float], object]) -> None:
        """Begin.

        Args:
            limits: How often to look depends on them.
            look: Does so, given the seconds since the last time.
        """
        self._every = min(1.0, *(each / _LOOKS for each in (limits.silence_inside, limits.pace_over, limits.request)))
        self._look = look
        self._closing = threading.Event()
        threading.Thread(target=self._run, name="watchman", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._closing.wait(self._every):
            now = time.monotonic()
            self._look(now - last)
            last = now


def end(connections: Iterable[socket.socket | None]) -> None:
    """End connections under whoever reads them."""
    for connection in connections:
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # an SSLSocket's own would go on in the clear
