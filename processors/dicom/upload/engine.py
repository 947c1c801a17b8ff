"""A port for uploads by HTTP: a thread that accepts, and one blocking thread for each connection."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from processors.dicom.admission import Caller, Everybody, Policy
from processors.dicom.engine import Listener
from processors.dicom.errors import HandshakeError, ListenError
from processors.dicom.pace import find_vanished
from processors.dicom.silence import silence
from processors.dicom.tls import ServerTLS, shown_by
from processors.dicom.upload.connection import CALLER_WITHOUT_NAME, Accepted, Timers, UploadConnection

MAXIMUM_CONNECTIONS: Final = 500
BACKLOG: Final = 128
END_SECONDS: Final = 10.0
"""How long a connection may take to end when we stop."""
_BUSY_SECONDS: Final = 0.1
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
        self._address = (host, port)
        self._ae_title = ae_title
        self._policy = policy or Everybody()
        self._timers = timers or Timers()
        self._tls = tls
        self._maximum = maximum_connections
        self._lock = threading.Lock()
        self._threads: dict[threading.Thread, UploadConnection | None] = {}
        self._sockets: dict[threading.Thread, socket.socket] = {}
        self._stopping = False
        self._listener: Listener
        self._listening: socket.socket
        self.count: Callable[[int], object] = lambda _: None
        """Told the status of each answer."""

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept; returns host and port.

        Raises:
            ListenError: the port cannot be bound.
        """
        self._listener = listener
        host, port = self._address
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._listening = socket.create_server(self._address, family=family, backlog=BACKLOG)
            # On Linux each connection that is accepted has these from the start.
            self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            find_vanished(self._listening, self._timers.vanished)
        except OSError as error:
            raise ListenError(f"Port {port} on {host} cannot be listened on: {error.strerror}.") from error
        threading.Thread(target=self._accept, name="upload-acceptor", daemon=True).start()
        bound_host, bound_port = self._listening.getsockname()[:2]
        return str(bound_host), int(bound_port)

    def stop(self, grace_seconds: float) -> None:
        """Accept no more, let each request finish its file, end it, wait for its end."""
        with self._lock:
            self._stopping = True
            threads, sockets = dict(self._threads), dict(self._sockets)
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes up the acceptor; closing would not
        self._listening.close()
        connections = [connection for connection in threads.values() if connection is not None]
        for connection in connections:
            connection.stop()
        deadline = time.monotonic() + grace_seconds
        for connection in connections:
            connection.between_requests.wait(max(0.0, deadline - time.monotonic()))
        for open_socket in sockets.values():
            with contextlib.suppress(OSError):
                # An SSLSocket's own shutdown would let its thread go on in the clear.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)
        deadline = time.monotonic() + END_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listening.accept()
            except OSError:
                if self._stopping:
                    return
                # No file descriptor is left; a connection that ends gives its own back.
                time.sleep(_BUSY_SECONDS)
                continue
            if not self._begin(connection, str(address[0])):
                connection.close()

    def _begin(self, connection: socket.socket, address: str) -> bool:
        """Start a thread for a connection; False if there can be none."""
        thread = threading.Thread(target=self._serve, args=(connection, address), name="upload", daemon=True)
        with self._lock:
            if self._stopping:
                return False
            if len(self._threads) < self._maximum:
                try:
                    thread.start()
                except RuntimeError:  # the system has no thread left
                    return False
                self._threads[thread], self._sockets[thread] = None, connection
                return True
        self._turn_away(connection, address)
        return False

    def _turn_away(self, connection: socket.socket, address: str) -> None:
        self._listener.troubled(self._caller(address), "receiver-full", str(self._maximum))
        self.count(503)
        if self._tls is None:
            connection.setblocking(False)
            with contextlib.suppress(OSError):
                connection.send(_FULL)

    def _serve(self, connection: socket.socket, address: str) -> None:
        """One connection, in its own thread."""
        thread = threading.current_thread()
        try:
            accepted = self._secured(connection, address)
            upload = UploadConnection(
                accepted,
                self._listener,
                self._policy,
                ae_title=self._ae_title,
                timers=self._timers,
                count=self._told,
            )
            with self._lock:
                self._threads[thread], self._sockets[thread] = upload, accepted.socket
                if self._stopping:
                    upload.stop()
            upload.run()
        except HandshakeError as error:
            self._listener.troubled(self._caller(address), error.cause, error.detail)
        except OSError:
            pass  # the sender has gone before it said anything
        finally:
            with self._lock:
                self._threads.pop(thread, None)
                self._sockets.pop(thread, None)
            connection.close()

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
