"""The socket of a request, for whoever reads the rest of a large body without the event loop.

Each block of a body that goes through the loop keeps it from all other requests for a moment, and costs more than the
hash of it. A body of known length, on a connection without TLS, can be read by a thread instead; then the connection
goes on as if the loop had read it.
"""

import contextlib
import os
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol

from handoff.bulk.reading import Rest

EXTENSION = "sluice.body"
"""Where a request's scope has its `BodySocket`, among its extensions."""


class BodySocket:
    """Of one request. All of it is for the event loop alone."""

    def __init__(self, connection: H11Protocol) -> None:
        self._connection = connection
        self._cycle = connection.cycle

    def take(self, least: int) -> Rest | None:
        """Keep the loop from reading on; None where less than `least` bytes, or nobody knows how many, are to come."""
        connection, cycle, transport = self._connection, self._cycle, self._connection.transport
        left = self._left()
        if left < least or connection.cycle is not cycle or cycle.disconnected or transport.is_closing():
            return None
        if transport.get_extra_info("sslcontext") is not None:
            return None
        connection.flow.pause_reading()
        came, cycle.body = bytes(cycle.body), bytearray()
        return Rest(came, left, socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())))

    def give_back(self, rest: Rest, read: int | None) -> None:
        """Let the loop go on after so many bytes of the rest; where nobody knows how many, until the answer only."""
        with contextlib.suppress(OSError):  # of a connection that is gone
            rest.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        rest.socket.close()
        connection = self._connection
        if connection.transport.is_closing():
            return
        if read is None:
            self._cycle.scope["headers"].append((b"connection", b"close"))  # type: ignore[attr-defined]
            return
        connection.conn._reader._remaining -= read  # type: ignore[union-attr]  # noqa: SLF001 - as in `_left`
        connection.flow.resume_reading()
        if read == rest.left:
            connection.handle_events()  # the end of the body, which comes with no byte of its own

    def _left(self) -> int:
        """Bytes that the parser waits for; h11 has no word for it, and another h11 may have none at all: then 0."""
        left = getattr(getattr(self._connection.conn, "_reader", None), "_remaining", 0)
        return left if isinstance(left, int) else 0
