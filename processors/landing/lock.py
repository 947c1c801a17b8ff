"""One receiver and one announcer per landing: a lock that ends with its process, however that ends."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from processors.landing.errors import LandingTakenError


@contextlib.contextmanager
def hold(path: Path, role: str) -> Iterator[None]:
    """Hold the lock file `path` as `role` ("receiver" or "announcer"); its content names the holder.

    Raises:
        LandingTakenError: another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "an unknown process"
            raise LandingTakenError(f"The landing {path.parent} has a {role} already: {holder}.") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
