"""The fast engine: one blocking thread for each association, and a few that wait for the next one."""

import socket
from typing import Final

from processors.dicom.admission import Caller, Everybody, Policy, Rejection
from processors.dicom.engine import Listener
from processors.dicom.errors import HandshakeError
from processors.dicom.fast.association import Association, Connection, Timers
from processors.dicom.listening import ListeningPort, Place
from processors.dicom.rejections import rejection
from processors.dicom.silence import silence
from processors.dicom.tls import ServerTLS, shown_by

MAXIMUM_ASSOCIATIONS: Final = 500
MORE_CONNECTIONS: Final = 100
"""Beyond the limit of associations so many are told so; others are only closed."""
BACKLOG: Final = 512


class FastEngine:
    """Accepts C-ECHO and C-STORE as the policy says."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        policy: Policy | None = None,
        timers: Timers | None = None,
        tls: ServerTLS | None = None,
        maximum_associations: int = MAXIMUM_ASSOCIATIONS,
    ) -> None:
        """Configure.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            policy: Who may call, and with what; everybody by default.
            timers: How long associations wait.
            tls: Makes each connection one with TLS; None for a port without.
            maximum_associations: At one time; more are rejected (local limit exceeded).
        """
        silence()
        self._policy = policy or Everybody()
        self._timers = timers or Timers()
        self._tls = tls
        self._maximum = maximum_associations
        self._listener: Listener
        self.port = ListeningPort(
            "association",
            host,
            port,
            self._serve,
            backlog=BACKLOG,
            vanished=self._timers.vanished,
            most=maximum_associations + MORE_CONNECTIONS,
            ends=(socket.SHUT_RD, socket.SHUT_RDWR),  # the second is for one whose peer does not read
        )

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept associations; returns host and port.

        Raises:
            ListenError: the port cannot be bound.
        """
        self._listener = listener
        return self.port.start()

    def stop(self, grace_seconds: float) -> None:
        """Accept no more, let each association finish its object, abort it, wait for its end."""
        self.port.stop(grace_seconds)

    def _serve(self, place: Place) -> None:
        """One connection, in a thread that is its own as long as it lasts."""
        address = place.address
        try:
            secured = self._secured(place.socket, address)
            association = Association(secured, self._listener, self._policy, self._is_full(), self._timers)
            self.port.occupy(place, secured.socket, association.stop, association.between_objects)
            association.run()
        except HandshakeError as error:
            self._listener.troubled(Caller("", "", address), error.cause, error.detail)
        except TimeoutError:
            self._listener.troubled(Caller("", "", address), "no-request", f"{self._timers.artim:g}")
        except OSError:
            pass  # the peer has gone before it said anything

    def _secured(self, connection: socket.socket, address: str) -> Connection:
        """The connection, after the TLS handshake if there is to be one."""
        if self._tls is None:
            return Connection(connection, address)
        connection.settimeout(self._timers.artim)
        if not connection.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError  # somebody looked whether the port is open
        secured = self._tls.wrap(connection, self._timers.handshake / 2)
        return Connection(secured, address, encrypted=True, certificate=shown_by(secured))

    def _is_full(self) -> Rejection | None:
        too_many = self.port.has_more_than(self._maximum)
        return rejection("receiver-full", detail=str(self._maximum)) if too_many else None
