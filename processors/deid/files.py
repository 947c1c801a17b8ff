"""A file read for the engine, and what it made written, with no copy of the pixels but the one that a small file is."""

import errno
import mmap
import os
import stat
from collections.abc import Iterable
from pathlib import Path

MAPPED_FROM = 8 << 20
"""Bytes from which on a file is mapped. A smaller one is read whole: nobody changes it between scan and writing."""

_MOST_PIECES = 512
"""Of one system call; Linux takes 1024."""


def content(file: Path) -> bytes | memoryview:
    """The bytes of a plain file.

    Raises:
        OSError: it cannot be read, or is no plain file.
    """
    opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer would be waited for
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        if status.st_size >= MAPPED_FROM:
            return memoryview(mmap.mmap(opened, 0, access=mmap.ACCESS_READ))
        read = os.read(opened, status.st_size)
        while len(read) < status.st_size and (more := os.read(opened, status.st_size - len(read))):
            read += more
        return read
    finally:
        os.close(opened)


def write(opened: int, pieces: Iterable[bytes | memoryview]) -> None:
    """Write all pieces to a descriptor, one behind the other.

    Raises:
        OSError: they cannot be written.
    """
    waiting = [memoryview(piece) for piece in pieces if piece]
    while waiting:
        written = os.writev(opened, waiting[:_MOST_PIECES])
        done = 0
        while done < len(waiting) and written >= len(waiting[done]):
            written -= len(waiting[done])
            done += 1
        del waiting[:done]
        if written:
            waiting[0] = waiting[0][written:]
