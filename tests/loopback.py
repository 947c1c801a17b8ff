"""Ports of loopback for tests."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from nifi.distribution import ports
from nifi.distribution.ports import LOOPBACK, unused_port

_given: set[int] = set()


def keep_to_lane() -> None:
    """Have this process, and what of ours it calls, choose among ports that no other lane of these tests chooses."""
    lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    lanes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = (ports._first_of_clients() - ports._LOWEST) // lanes
    lowest = ports._LOWEST + lane * share
    ports._LOWEST, ports._first_of_clients = lowest, lambda: lowest + share


def free_port() -> int:
    """A port of loopback that nobody has, and that no client is given before a server binds it.

    No other test of this lane is given it: servers bind theirs only seconds later.
    """
    while (port := unused_port()) in _given:
        pass
    _given.add(port)
    return port


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses every connection as long as the block lasts: it is bound, and nobody listens."""
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield holder.getsockname()[1]
