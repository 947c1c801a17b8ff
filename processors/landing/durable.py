"""Writes that survive a power cut: content is synced, and each folder that was given a name.

The promise to a sender: when Success is said of an object, all of this has been synced, in this order:
    1. a name for its file, in a folder of empty ones: many share that sync, before they are needed (`slots`);
    2. its bytes, who sent it in the file's head (`who_sent`), and in its preamble whose it is (`mark`).
All else is made anew from that one file after a power cut (`restore`, `adopt`): its name in the delivery's folder, that
folder, the journal's line, what is sealed, who sent (but for duplicates: their line in the association's journal is
synced instead), and every row of the ledger. So a journal line means an object that is whole; a file without its line
was acknowledged at most if its mark is true. A sealed delivery is durable itself, and only then its slots go.
"""

import errno
import os
from collections import Counter
from pathlib import Path
from typing import Final

_MOST_PIECES: Final = 1024
"""IOV_MAX of Linux."""


_failed_syncs: Final[Counter[str]] = Counter()


def failed_syncs(folder: Path | str) -> int:
    """How often this process has failed to sync a folder; to be asked before a name is given in it."""
    return _failed_syncs[os.fspath(folder)]


def forget_failed_syncs(folder: Path | str) -> None:
    """All names in the folder have been given anew."""
    _failed_syncs.pop(os.fspath(folder), None)


def sync_folder(folder: Path | str, since: int | None = None) -> None:
    """Make the names in `folder` durable.

    Args:
        folder: The folder.
        since: What `failed_syncs` said before the names were given, if others give names in it too. A sync that fails
            is told once: whoever opens the folder afterwards hears of success, though the names of all are lost.

    Raises:
        OSError: the disk does not take them, or has not taken what was there at some time since; give them anew.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        _failed_syncs[os.fspath(folder)] += 1
        raise
    finally:
        os.close(descriptor)
    if since is not None and failed_syncs(folder) != since:
        raise OSError(errno.EIO, os.strerror(errno.EIO), os.fspath(folder))


def make_folder(folder: Path) -> None:
    """Make a new folder whose name is durable."""
    folder.mkdir(mode=0o700)
    sync_folder(folder.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is, after a crash at any moment, absent, as it was before, or whole."""
    folder, name = os.path.split(path)  # strings: a path would be parsed for each use
    folder = folder or "."
    temporary = f"{folder}/.{name}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    failed_before = failed_syncs(folder)
    os.rename(temporary, path)  # noqa: PTH104 - as above
    sync_folder(folder, failed_before)


def write_all(descriptor: int, *pieces: bytes | memoryview) -> None:
    """Write every byte of the pieces, one after the other; the kernel may take fewer at a time."""
    rest = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
    while rest:
        written = os.writev(descriptor, rest[:_MOST_PIECES])
        while written and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
