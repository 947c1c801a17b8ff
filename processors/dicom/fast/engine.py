"""The fast engine: one blocking thread for each association, and a few that wait for the next one."""

import contextlib
import socket
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from processors.dicom.admission import Caller, Everybody, Policy, Rejection
from processors.dicom.engine import Listener
from processors.dicom.errors import HandshakeError, ListenError
from processors.dicom.fast.association import Association, Connection, Timers
from processors.dicom.fast.threads import Threads
from processors.dicom.pace import find_vanished
from processors.dicom.rejections import rejection
from processors.dicom.silence import silence
from processors.dicom.tls import ServerTLS, shown_by

MAXIMUM_ASSOCIATIONS: Final = 500
MORE_CONNECTIONS: Final = 100
"""Beyond the limit of associations so many are told so; others are only closed."""
BACKLOG: Final = 512
ABORT_SECONDS: Final = 10.0
"""How long an aborted association may take to end when we stop."""
_BUSY_SECONDS: Final = 0.1


@dataclass(slots=True, eq=False)
class _Place:
    """Of one connection among those that are served."""

    socket: socket.socket
    address: str
    association: Association | None = None


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
        self._address = (host, port)
        self._policy = policy or Everybody()
        self._timers = timers or Timers()
        self._tls = tls
        self._maximum = maximum_associations
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._threads = Threads("association", self._accept, self._serve, self._turn_away)
        self._places: set[_Place] = set()
        self._stopping = False
        self._listener: Listener
        self._listening: socket.socket

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept associations; returns host and port."""
        self._listener = listener
        host, port = self._address
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._listening = socket.create_server(self._address, family=family, backlog=BACKLOG)
        except OSError as error:
            raise ListenError(f"Port {port} on {host} cannot be listened on: {error.strerror}.") from error
        # On Linux each connection that is accepted has these from the start.
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        find_vanished(self._listening, self._timers.vanished)
        self._threads.start()
        bound_host, bound_port = self._listening.getsockname()[:2]
        return str(bound_host), int(bound_port)

    def stop(self, grace_seconds: float) -> None:
        """Accept no more, let each association finish its object, abort it, wait for its end."""
        with self._lock:
            self._stopping = True
            places = list(self._places)
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes up all that wait; closing would not
        self._listening.close()
        associations = [place.association for place in places if place.association is not None]
        for association in associations:
            association.stop()
        deadline = time.monotonic() + grace_seconds
        for association in associations:
            association.between_objects.wait(max(0.0, deadline - time.monotonic()))
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):  # the second is for one whose peer does not read
            for place in places:
                with contextlib.suppress(OSError):
                    # An SSLSocket's own shutdown would let its thread go on in the clear.
                    socket.socket.shutdown(place.socket, how)
            self._await(places, ABORT_SECONDS)

    def _await(self, places: Collection[_Place], seconds: float) -> None:
        """Wait until none of these connections is served any more."""
        with self._left:
            self._left.wait_for(lambda: self._places.isdisjoint(places), seconds)

    def _accept(self) -> _Place | None:
        """Wait for a connection that can be served; None when we stop."""
        while True:
            try:
                connection, address = self._listening.accept()
            except OSError:
                if self._stopping:
                    return None
                # No file descriptor is left; an association that ends gives its own back.
                time.sleep(_BUSY_SECONDS)
                continue
            place = _Place(connection, str(address[0]))
            with self._lock:
                can_be = not self._stopping and len(self._places) < self._maximum + MORE_CONNECTIONS
                if can_be:
                    self._places.add(place)
            if can_be:
                return place
            connection.close()

    def _turn_away(self, place: _Place) -> None:
        place.socket.close()
        self._forget(place)

    def _serve(self, place: _Place) -> None:
        """One connection, in a thread that is its own as long as it lasts."""
        connection, address = place.socket, place.address
        try:
            secured = self._secured(connection, address)
            association = Association(secured, self._listener, self._policy, self._is_full(), self._timers)
            with self._lock:
                place.association, place.socket = association, secured.socket
                if self._stopping:
                    association.stop()
            association.run()
        except HandshakeError as error:
            self._listener.troubled(Caller("", "", address), error.cause, error.detail)
        except TimeoutError:
            self._listener.troubled(Caller("", "", address), "no-request", f"{self._timers.artim:g}")
        except OSError:
            pass  # the peer has gone before it said anything
        finally:
            connection.close()
            self._forget(place)

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
        with self._lock:
            too_many = len(self._places) > self._maximum
        return rejection("receiver-full", detail=str(self._maximum)) if too_many else None

    def _forget(self, place: _Place) -> None:
        with self._left:
            self._places.discard(place)
            self._left.notify_all()
