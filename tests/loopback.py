"""Ports of loopback for tests."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from nifi.distribution.ports import LOOPBACK, unused_port

_given: set[int] = set()
_LANE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_LANES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def free_port() -> int:
    """A port of loopback that nobody has, and that no client is given before a server binds it.

    No other lane of these tests is given it, and no other test of this one: servers bind theirs only seconds later.
    """
    while (port := unused_port()) in _given or port % _LANES != _LANE % _LANES:
        pass
    _given.add(port)
    return port


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses every connection as long as the block lasts: it is bound, and nobody listens."""
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield holder.getsockname()[1]
