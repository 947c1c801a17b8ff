"""What a receiver costs when nothing comes, when all come at once, and when somebody lies: probes of bench-receive."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path

from tests.performance.light_sender import ct_object
from tests.performance.receivers import Running
from tests.unit.receive.raw_peer import CT, command, pdu, pdv, request

_IDLE = 50
_CROWD = 64
_WATCHED_SECONDS = 5.0
_SETTLED_SECONDS = 1.0
_LIE = b"\4\0\xff\xff\xff\xff"
"""The head of a P-DATA-TF PDU of 4 GB."""


def probe(running: Running, folder: Path) -> dict[str, tuple[float, str]]:
    """All probes of one receiver that writes below `folder`: name to value and unit."""
    _associate(running).close()  # what is loaded for the first one is not measured
    time.sleep(_SETTLED_SECONDS)
    return {**_idle(running), **_crowd(running), **_half(running, folder), **_lie(running)}


def _idle(running: Running) -> dict[str, tuple[float, str]]:
    """Associations that are open and silent."""
    before = running.resident_mb()
    with ExitStack() as stack:
        for _ in range(_IDLE):
            stack.enter_context(_associate(running))
        time.sleep(_SETTLED_SECONDS)
        growth, cpu = running.resident_mb() - before, running.cpu_seconds()
        time.sleep(_WATCHED_SECONDS)
        share = 100 * (running.cpu_seconds() - cpu) / _WATCHED_SECONDS
    time.sleep(_SETTLED_SECONDS)
    return {
        f"idle-{_IDLE}-cpu": (share, "%-of-a-core"),
        f"idle-{_IDLE}-memory-each": (growth / _IDLE, "MB"),
    }


def _crowd(running: Running) -> dict[str, tuple[float, str]]:
    """Many that connect before anybody asks, then all ask: the slowest acceptance."""
    with ExitStack() as stack:
        began = time.monotonic()
        together = [stack.enter_context(_connect(running)) for _ in range(_CROWD)]
        for connection in together:
            connection.sendall(request(called=running.called))
        accepted = sum(connection.recv(1) == b"\2" for connection in together)
        slowest = time.monotonic() - began
    time.sleep(_SETTLED_SECONDS)
    return {
        f"crowd-{_CROWD}-slowest": (1000 * slowest, "ms"),
        f"crowd-{_CROWD}-accepted": (accepted, "associations"),
    }


def _half(running: Running, folder: Path) -> dict[str, tuple[float, str]]:
    """Half an object, and a connection that is closed: the large files that are left."""
    content = ct_object(512)

    def large() -> int:
        return sum(file.is_file() and file.stat().st_size > len(content) // 4 for file in folder.rglob("*"))

    before = large()
    with _associate(running) as connection:
        connection.sendall(pdu(4, pdv(CT, 3, command(1, data=True))))
        for begin in range(0, len(content) // 2, 16000):
            connection.sendall(pdu(4, pdv(CT, 0, content[begin : begin + 16000])))
        time.sleep(_SETTLED_SECONDS)
    time.sleep(_SETTLED_SECONDS)
    return {"half-an-object-files-left": (large() - before, "files")}


def _lie(running: Running) -> dict[str, tuple[float, str]]:
    """A PDU that claims 4 GB, and as much of it as is taken."""
    before = running.resident_mb()
    with _associate(running) as connection:
        try:
            connection.sendall(_LIE)
            for _ in range(64):
                connection.sendall(bytes(1 << 20))
        except OSError:
            pass  # it has hung up
        growth = running.resident_mb() - before
    return {"lying-length-growth": (growth, "MB")}


def _connect(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=30)


def _associate(running: Running) -> socket.socket:
    connection = _connect(running)
    connection.sendall(request(called=running.called))
    if connection.recv(65536)[0] != 2:
        raise RuntimeError("The association was not accepted.")
    return connection
