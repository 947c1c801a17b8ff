"""Ports for servers that bind them later: below those that the kernel gives to outgoing connections.

A port that the kernel named as free is one of the next that it gives to a client. A server that takes seconds to start
would lose it to any association or request that begins in the meantime.
"""

import random
import socket
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_LOWEST: Final = 20_000
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES: Final = 200


def unused_port() -> int:
    """A port of loopback that nobody has, and that no client will be given.

    Raises:
        OSError: nearly all of them are taken.
    """
    candidates = range(_LOWEST, max(_first_of_clients(), _LOWEST + 1000))
    for _ in range(_TRIES):
        port = random.choice(candidates)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OSError("no port of loopback is free")


def _first_of_clients() -> int:
    try:
        return int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
