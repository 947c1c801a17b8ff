"""How fast a peer must be inside a message. Only time that we spend waiting for it counts, never our own writing."""

import socket

from processors.units import in_bytes, in_seconds


class Pace:
    """Measures one connection; one thread."""

    def __init__(self, bytes_per_second: float, over_seconds: float) -> None:
        """Begin.

        Args:
            bytes_per_second: The least that must come.
            over_seconds: Of waiting, over which that is measured.
        """
        self._bytes_per_second = bytes_per_second
        self._least = bytes_per_second * over_seconds
        self._over = over_seconds
        self._waited = 0.0
        self._came = 0

    def __str__(self) -> str:
        return f"{in_bytes(self._bytes_per_second)}/s over {in_seconds(self._over)}"

    def restart(self) -> None:
        """A message begins."""
        self._waited, self._came = 0.0, 0

    def came(self, count: int, seconds: float) -> bool:
        """`count` bytes came after we had waited `seconds` for them; returns whether that is fast enough."""
        self._waited += seconds
        self._came += count
        if self._waited < self._over:
            return True
        is_enough = self._came >= self._least
        self.restart()
        return is_enough


def find_vanished(connection: socket.socket, seconds: float) -> None:
    """Have the kernel end a TCP connection whose peer answers nothing for about `seconds`, idle or not.

    A peer that was switched off, or a firewall that forgot the connection, sends no FIN: without this its association
    would hold its thread until the silence limit, and its answer would be sent again for a quarter of an hour.
    """
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    probes = 4
    idle = max(1, int(seconds / 2))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, int((seconds - idle) / probes)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
