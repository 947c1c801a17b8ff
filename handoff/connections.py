"""Connections: how many there may be, how long headers may take, and how long an answered sender may go on sending.

Bodies have their own pace (`handoff.api.pace`); a connection that waits for its next request is closed by uvicorn.
"""

import asyncio
from collections import Counter
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from handoff.access.access_settings import AccessLimits
from handoff.access.limits import neighbourhood
from handoff.body_socket import EXTENSION, BodySocket


class BoundedConnection(H11Protocol):
    """One connection.

    A timer runs while headers are awaited, from the connection's first moment or the first byte of a further request,
    and while the rest of a request that was answered already is read and dropped.
    """

    limits: ClassVar[AccessLimits]
    addresses: ClassVar[Counter[str]]
    _address = ""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it when there are too many."""
        super().connection_made(transport)
        self._address = neighbourhood(self.client[0] if self.client else None)
        self.addresses[self._address] += 1
        of_address = self.addresses[self._address]
        if len(self.connections) > self.limits.connections or of_address > self.limits.connections_per_address:
            transport.abort()
            return
        self._start(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop()
        self.addresses[self._address] -= 1
        if self.addresses[self._address] <= 0:
            del self.addresses[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Look whether the headers are there now."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE:
            if self._timer is None:
                self._start(self.limits.header_seconds)
        elif not self._answered():
            self._stop()

    def handle_events(self) -> None:
        """Give each request that begins the way to the socket of its body."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self.scope["extensions"] = {EXTENSION: BodySocket(self)}  # type: ignore[dict-item]

    def on_response_complete(self) -> None:
        """Let a sender finish for a while what was answered already, or it might not see the answer."""
        super().on_response_complete()
        if not self.transport.is_closing() and self._answered():
            self._start(self.limits.silence_seconds)

    def _answered(self) -> bool:
        """Whether a request was answered before all of it came."""
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _start(self, seconds: float) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bounded(limits: AccessLimits) -> type[asyncio.Protocol]:
    """The protocol of a server with these limits."""
    return type("BoundedConnection", (BoundedConnection,), {"limits": limits, "addresses": Counter()})
