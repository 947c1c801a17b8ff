"""A port that is listened on: connections come in, each is served in one thread to its end, and all end in order.

Every engine of our own has one; what is spoken over a connection is the engine's.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from processors.dicom.errors import ListenError
from processors.dicom.pace import find_vanished
from processors.dicom.threads import Threads

END_SECONDS: Final = 10.0
"""How long a connection that was ended may take to be gone."""
_BUSY_SECONDS: Final = 0.1


@dataclass(slots=True, eq=False)
class Place:
    """Of one connection among those that are served."""

    socket: socket.socket
    address: str
    stop: Callable[[], object] | None = None
    """Has it end after what is on its way; None while nothing can be."""
    idle: threading.Event | None = None
    """Set while nothing is on its way."""


class ListeningPort:
    """Accepts connections, and gives each to an engine in a thread of its own."""

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        serve: Callable[[Place], object],
        *,
        backlog: int,
        vanished: float,
        most: int,
        turn_away: Callable[[Place], object] = lambda _: None,
        ends: Collection[int] = (socket.SHUT_RDWR,),
    ) -> None:
        """Configure.

        Args:
            name: What its threads are called.
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            serve: Serves a connection to its end; raises nothing. Its socket is closed afterwards.
            backlog: Connections that the system may hold until they are accepted.
            vanished: Seconds after which a peer that no longer answers on TCP is given up.
            most: Connections at one time.
            turn_away: Told of each beyond that, before it is closed; never waits.
            ends: How connections are shut down at the end, one way after the other.
        """
        self._address = (host, port)
        self._serve_connection, self._turn_away, self._most = serve, turn_away, most
        self._backlog, self._vanished, self._ends = backlog, vanished, ends
        self._left = threading.Condition()
        self._threads = Threads(name, self._accept, self._serve, self._give_up)
        self.places: set[Place] = set()
        """All that are served."""
        self.is_stopping = False
        self._listening: socket.socket

    def start(self) -> tuple[str, int]:
        """Begin to accept; returns host and port.

        Raises:
            ListenError: the port cannot be bound.
        """
        host, port = self._address
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._listening = socket.create_server(self._address, family=family, backlog=self._backlog)
            # On Linux each connection that is accepted has these from the start.
            self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            find_vanished(self._listening, self._vanished)
        except OSError as error:
            raise ListenError(f"Port {port} on {host} cannot be listened on: {error.strerror}.") from error
        self._threads.start()
        bound_host, bound_port = self._listening.getsockname()[:2]
        return str(bound_host), int(bound_port)

    def occupy(self, place: Place, by: socket.socket, stop: Callable[[], object], idle: threading.Event) -> None:
        """A connection is ready for its engine's protocol; `by` is its socket, perhaps with TLS."""
        with self._left:
            place.socket, place.stop, place.idle = by, stop, idle
            if self.is_stopping:
                stop()

    def has_more_than(self, count: int) -> bool:
        """Whether so many connections are served, and more."""
        with self._left:
            return len(self.places) > count

    def stop(self, grace_seconds: float) -> None:
        """Accept no more, let each connection finish what is on its way, shut it down, wait for its end."""
        with self._left:
            self.is_stopping = True
            places = list(self.places)
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes up all that wait; closing would not
        self._listening.close()
        busy = [(place.stop, place.idle) for place in places if place.stop is not None and place.idle is not None]
        for stop, _ in busy:
            stop()
        deadline = time.monotonic() + grace_seconds
        for _, idle in busy:
            idle.wait(max(0.0, deadline - time.monotonic()))
        for how in self._ends:
            for place in places:
                with contextlib.suppress(OSError):
                    # An SSLSocket's own shutdown would let its thread go on in the clear.
                    socket.socket.shutdown(place.socket, how)
            with self._left:
                self._left.wait_for(lambda: self.places.isdisjoint(places), END_SECONDS)

    def _accept(self) -> Place | None:
        """Wait for a connection that can be served; None when we stop."""
        while True:
            try:
                connection, address = self._listening.accept()
            except OSError:
                if self.is_stopping:
                    return None
                # No file descriptor is left; a connection that ends gives its own back.
                time.sleep(_BUSY_SECONDS)
                continue
            place = Place(connection, str(address[0]))
            with self._left:
                is_stopping, can_be = self.is_stopping, len(self.places) < self._most
                if can_be and not is_stopping:
                    self.places.add(place)
                    return place
            if not is_stopping:
                self._turn_away(place)
            connection.close()

    def _serve(self, place: Place) -> None:
        connection = place.socket
        try:
            self._serve_connection(place)
        finally:
            connection.close()
            self._forget(place)

    def _give_up(self, place: Place) -> None:
        """No thread can be had for it, or for those that come after it."""
        place.socket.close()
        self._forget(place)

    def _forget(self, place: Place) -> None:
        with self._left:
            self.places.discard(place)
            self._left.notify_all()
