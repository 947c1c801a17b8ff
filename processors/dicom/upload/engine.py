"""A port for uploads by HTTP: one blocking thread for each connection, and a few that wait for the next one."""

import contextlib
import socket
from collections.abc import Callable
from typing import Final

from processors.dicom.admission import Caller, Everybody, Policy
from processors.dicom.engine import Listener
from processors.dicom.errors import HandshakeError
from processors.dicom.listening import ListeningPort, Place
from processors.dicom.silence import silence
from processors.dicom.tls import ServerTLS, shown_by
from processors.dicom.upload.connection import CALLER_WITHOUT_NAME, Accepted, Timers, UploadConnection

MAXIMUM_CONNECTIONS: Final = 500
BACKLOG: Final = 128
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class UploadEngine:
    """Accepts uploads as the policy says."""

    def __init__(
        self,
        host: str,
        port: int,
        ae_title: str,
        *,
        policy: Policy | None = None,
        timers: Timers | None = None,
        tls: ServerTLS | None = None,
        maximum_connections: int = MAXIMUM_CONNECTIONS,
    ) -> None:
        """Configure.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            ae_title: Ours, for rules and ledger.
            policy: Who may upload, and what; everybody by default.
            timers: How long connections wait.
            tls: Makes each connection one with TLS; None for a port without.
            maximum_connections: At one time; more are answered 503.
        """
        silence()
        self._ae_title = ae_title
        self._policy = policy or Everybody()
        self._timers = timers or Timers()
        self._tls = tls
        self._maximum = maximum_connections
        self._listener: Listener
        self.count: Callable[[int], object] = lambda _: None
        """Told the status of each answer."""
        self.port = ListeningPort(
            "upload",
            host,
            port,
            self._serve,
            backlog=BACKLOG,
            vanished=self._timers.vanished,
            most=maximum_connections,
            turn_away=self._turn_away,
        )

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept; returns host and port.

        Raises:
            ListenError: the port cannot be bound.
        """
        self._listener = listener
        return self.port.start()

    def stop(self, grace_seconds: float) -> None:
        """Accept no more, let each request finish its file, end it, wait for its end."""
        self.port.stop(grace_seconds)

    def _turn_away(self, place: Place) -> None:
        self._listener.troubled(self._caller(place.address), "receiver-full", str(self._maximum))
        self.count(503)
        if self._tls is None:
            place.socket.setblocking(False)
            with contextlib.suppress(OSError):
                place.socket.send(_FULL)

    def _serve(self, place: Place) -> None:
        """One connection, in a thread that is its own as long as it lasts."""
        try:
            accepted = self._secured(place.socket, place.address)
            upload = UploadConnection(
                accepted,
                self._listener,
                self._policy,
                ae_title=self._ae_title,
                timers=self._timers,
                count=self._told,
            )
            self.port.occupy(place, accepted.socket, upload.stop, upload.between_requests)
            upload.run()
        except HandshakeError as error:
            self._listener.troubled(self._caller(place.address), error.cause, error.detail)
        except OSError:
            pass  # the sender has gone before it said anything

    def _secured(self, connection: socket.socket, address: str) -> Accepted:
        """The connection, after the TLS handshake if there is to be one."""
        if self._tls is None:
            return Accepted(connection, address)
        secured = self._tls.wrap(connection, self._timers.handshake / 2)
        return Accepted(secured, address, encrypted=True, certificate=shown_by(secured))

    def _caller(self, address: str) -> Caller:
        return Caller(CALLER_WITHOUT_NAME, self._ae_title, address)

    def _told(self, status: int) -> None:
        self.count(status)
