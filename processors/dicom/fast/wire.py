"""A connection and the one fixed buffer that everything on it is read into and parsed in.

No byte is copied on its way, except the few of a header that the end of the buffer cuts in two. So memory depends
neither on what is sent nor on what its lengths claim.
"""

import socket
import struct
import time
from collections.abc import Callable
from typing import Final

from processors.dicom.fast import buffers
from processors.dicom.fast.buffers import BUFFER_BYTES
from processors.dicom.fast.errors import LostError, SilentError, SlowError
from processors.dicom.pace import Pace

_BULK_BYTES: Final = 16384
"""A read that brings so much is one of many, and is acknowledged at once; another one before the next wait."""
_TIME: Final = struct.Struct("@ll")
"""A struct timeval of Linux: seconds, microseconds."""
_SHORTEST_SECONDS: Final = 0.001
"""None at all would be for ever."""


class Wire:
    """Reads from and writes to one connection, plain or TLS, in one thread."""

    def __init__(
        self,
        connection: socket.socket,
        before_refill: Callable[[], None],
        heard: Callable[[], None],
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        """Begin.

        Args:
            connection: A connected stream socket; an `ssl.SSLSocket` is one.
            before_refill: Called before the buffer is written anew; no view of it may be needed after that.
            heard: Called after bytes have come in.
            buffer_bytes: Size of the buffer, in bytes; no header is longer.
        """
        self._connection = connection
        self._before_refill = before_refill
        self._heard = heard
        self._memory: bytearray | None = buffers.take(buffer_bytes)
        self._buffer = memoryview(self._memory)
        self._start = self._end = 0
        self._deadline: float | None = None
        self._messages: tuple[float, float, Pace] | None = None
        self._is_between = False
        self._timeout: float | None = None
        self._send_timeout: float | None = None
        self._is_tcp = connection.family in {socket.AF_INET, socket.AF_INET6}
        self._owes_acknowledgement = False
        self._kernel_waits = self._is_tcp and type(connection) is socket.socket
        """Whether the kernel's own timeouts are used: those of Python cost a second system call each time."""
        if self._kernel_waits and connection.gettimeout() is not None:
            connection.settimeout(None)

    def wait_at_most(self, seconds: float) -> None:
        """From now on each read waits so long; a deadline no longer counts."""
        self._deadline = self._messages = None
        self._set_timeout(seconds)

    def expect_messages(self, between: float, inside: float, pace: Pace) -> None:
        """From now on reads wait for messages, whose first byte may be long in coming, and the others not.

        Args:
            between: Seconds for the first byte after `between_messages`.
            inside: Seconds for any other byte.
            pace: How fast they must come besides; a peer that sends a byte now and then is no better than a silent one.
        """
        self._deadline, self._messages = None, (between, inside, pace)

    def between_messages(self) -> None:
        """What is needed next begins a message."""
        if self._messages is not None:
            self._is_between = True
            self._messages[2].restart()

    def wait_until(self, deadline: float) -> None:
        """From now on reads wait until `deadline` (monotonic, seconds) and no longer, however many there are."""
        self._deadline, self._messages = deadline, None

    def need(self, count: int) -> memoryview:
        """The next `count` bytes, at most a buffer of them.

        Raises:
            LostError: the connection ends before.
            SilentError: they do not come in time.
        """
        if self._end - self._start < count:
            self._before_refill()
            rest = self._end - self._start
            self._buffer[:rest] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, rest
            while self._end < count:
                self._read()
        self._is_between = False
        self._start += count
        return self._buffer[self._start - count : self._start]

    def some(self, limit: int) -> memoryview:
        """The next bytes: as many as are there already, at least one and at most `limit`.

        Raises:
            LostError: the connection has ended.
            SilentError: none comes in time.
        """
        if self._start == self._end:
            self._before_refill()
            self._start = self._end = 0
            self._read()
        begin = self._start
        self._start = min(begin + limit, self._end)
        return self._buffer[begin : self._start]

    def through(self, mark: bytes, limit: int) -> bytes:
        """The next bytes through the first `mark`, which is one byte; `limit` of them if it is not among these. A copy.

        Raises:
            LostError: the connection ends before.
            SilentError: they do not come in time.
        """
        gathered = bytearray()
        while len(gathered) < limit:
            piece = self.some(limit - len(gathered))
            length = bytes(piece).find(mark) + 1
            if length:
                self._start -= len(piece) - length  # what follows is not read yet
                gathered += piece[:length]
                break
            gathered += piece
        return bytes(gathered)

    def whole(self, count: int) -> bytes:
        """The next `count` bytes, a copy that grows as they come and not as they are promised."""
        gathered = bytearray()
        while len(gathered) < count:
            gathered += self.some(count - len(gathered))
        return bytes(gathered)

    def skip(self, count: int) -> None:
        """Pass over `count` bytes."""
        while count:
            count -= len(self.some(count))

    def send(self, content: bytes) -> None:
        """Write all of `content`.

        Raises:
            LostError: the connection has ended.
            SilentError: the peer does not take it in time.
        """
        if self._kernel_waits:
            self._set_send_timeout()
        elif self._messages is not None:
            self._set_timeout(self._messages[1])
        self._owes_acknowledgement = False  # it goes with what is sent
        try:
            self._connection.sendall(content)
        except (TimeoutError, BlockingIOError) as error:
            raise SilentError("The peer does not read.") from error
        except OSError as error:
            raise LostError("The connection is gone.") from error

    def let_go(self) -> None:
        """Nothing is read any more: give the buffer back, and know nobody who knows this.

        What is in a ring waits, with all that it holds, for the collector of garbage, which has to look for it.
        """
        self._before_refill = self._heard = _nothing
        self._buffer = memoryview(b"")
        self._start = self._end = 0
        memory, self._memory = self._memory, None
        if memory is not None:
            buffers.give_back(memory)

    def _read(self) -> None:
        self._prepare()
        began = time.monotonic()
        try:
            if self._owes_acknowledgement:
                self._acknowledge()
            count = self._connection.recv_into(self._buffer[self._end :])
            if count >= _BULK_BYTES and self._is_tcp:
                self._acknowledge()
            else:
                self._owes_acknowledgement = self._is_tcp and count > 0
        except (TimeoutError, BlockingIOError) as error:
            if self._messages is not None and not self._is_between:
                raise SlowError(f"nothing in {self._messages[1]:g} s") from error
            raise SilentError("Nothing came in time.") from error
        except OSError as error:
            raise LostError("The connection is gone.") from error
        if not count:
            raise LostError("The connection was closed.")
        self._end += count
        self._heard()
        if self._messages is not None:
            self._judge(count, time.monotonic() - began)

    def _prepare(self) -> None:
        """Set how long the next read waits."""
        if self._deadline is not None:
            rest = self._deadline - time.monotonic()
            if rest <= 0:
                raise SilentError("Nothing came in time.")
            self._set_timeout(rest)
        elif self._messages is not None:
            between, inside, _ = self._messages
            if self._end:  # a part of it is here already
                self._is_between = False
            self._set_timeout(between if self._is_between else inside)

    def _judge(self, count: int, seconds: float) -> None:
        """See whether a message comes fast enough; the wait for its first byte is none for it."""
        if self._messages is None or self._is_between:
            return
        pace = self._messages[2]
        if not pace.came(count, seconds):
            raise SlowError(f"less than {pace}")

    def _acknowledge(self) -> None:
        """Not sticky, so after each read: else a sender with Nagle's algorithm waits 40 ms for our delayed ACK."""
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._owes_acknowledgement = False

    def _set_timeout(self, seconds: float) -> None:
        if seconds == self._timeout:  # a system call each time
            return
        if self._kernel_waits:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))
        else:
            self._connection.settimeout(seconds)
        self._timeout = seconds

    def _set_send_timeout(self) -> None:
        seconds = self._messages[1] if self._messages is not None else self._timeout
        if seconds is not None and seconds != self._send_timeout:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))
            self._send_timeout = seconds


def _nothing() -> None:
    """Nobody is told."""


def _timeval(seconds: float) -> bytes:
    whole, part = divmod(max(seconds, _SHORTEST_SECONDS), 1)
    return _TIME.pack(int(whole), int(part * 1_000_000))
