"""One receiver and one announcer per landing: a lock that ends with its process, however that ends.

It is `flock` on a file that stays; what the file says is only for people. So a dead process blocks nobody, whatever it
left there. The landing and its locks are for one machine: over a network file system two machines may both be given the
lock, or neither, and the ledger's SQLite would be damaged.
"""

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from processors.landing.errors import LandingTakenError

_LOOK_SECONDS: Final = 0.01
_LOOKS: Final = 20
"""Somebody who only looks has the lock for a moment; a holder has it for longer than this."""


@contextlib.contextmanager
def hold(path: Path, role: str) -> Iterator[None]:
    """Hold the lock file `path` as `role` ("receiver" or "announcer"); its content names the holder.

    Raises:
        LandingTakenError: another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for look in range(_LOOKS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if look == _LOOKS - 1:
                    raise LandingTakenError(
                        f"The landing {path.parent} has a {role} already: {_said(descriptor)}."
                    ) from None
                time.sleep(_LOOK_SECONDS)
        since = datetime.now(UTC).isoformat(" ", "seconds").removesuffix("+00:00")
        with contextlib.suppress(OSError):  # a full disk: whoever makes room needs the lock, not the words
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}, since {since} UTC\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> str | None:
    """Who holds a lock file, in words that begin with `process PID `; None when nobody does, or there is no such file.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _said(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _said(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "an unknown process"
