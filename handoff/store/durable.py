"""Files that are there whole or not at all, and carry one constant time.

When a package came is nobody's business in the research zone: it would tell by how much its dates were shifted.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

_BEGINNING_SECONDS = 60.0
"""Longer than a writer takes from making a file to locking it."""
NO_TIME = (0, 0)
"""Access and modification time of everything that is kept, ns since 1970."""


def write_durably(target: Path, blocks: Iterable[bytes]) -> str:
    """Write a file by temporary name, fsync and rename; returns its SHA-256."""
    make_folder(target.parent)
    sweep(target.parent, f".{glob.escape(target.name)}.????????", older_seconds=_BEGINNING_SECONDS)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    digest = hashlib.sha256()
    with temporary.open("xb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            for block in blocks:
                digest.update(block)
                stream.write(block)
            stream.flush()
            settle(stream.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        place(temporary, target)
    return digest.hexdigest()


def sweep(folder: Path, pattern: str, older_seconds: float = 0.0) -> int:
    """Remove temporary files that no living process has locked; returns how many.

    Args:
        folder: where they lie.
        pattern: of their names.
        older_seconds: how long ago they changed, where another writer may have made one and not yet locked it.
    """
    removed = 0
    for temporary in folder.glob(pattern):
        with contextlib.suppress(FileNotFoundError), temporary.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if time.time() - os.fstat(stream.fileno()).st_ctime >= older_seconds:
                temporary.unlink(missing_ok=True)
                removed += 1
    return removed


def settle(descriptor: int) -> None:
    """Take the time from an open file and make it durable."""
    os.utime(descriptor, ns=NO_TIME)
    os.fsync(descriptor)


def place(temporary: Path, target: Path) -> None:
    """Rename a settled file to where it is kept; the folder tells no time either."""
    make_folder(target.parent)
    temporary.rename(target)
    os.utime(target.parent, ns=NO_TIME)
    fsync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it durably."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)


def fsync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
