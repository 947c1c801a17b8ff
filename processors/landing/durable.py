"""Writes that survive a power cut: content is synced, and each folder that was given a name.

The promise to a sender: when Success is said of an object, all of this has been synced, in this order:
    1. its bytes, in a file that has its last name already;
    2. the delivery's folder, so that the name is there; for the delivery's first object also the folder of deliveries;
    3. the line of the delivery's journal that tells of it.
So a journal line means an object that is whole, and without its line an object was never acknowledged. All names are
given before anything is synced: a file system with a journal then commits once, and the syncs after the first one
have next to nothing to wait for. What is not synced before Success can be made anew from these three: what is sealed,
who sent (but for duplicates: their line in the association's journal is synced instead), and every row of the ledger.
"""

import os
from pathlib import Path
from typing import Final

_MOST_PIECES: Final = 1024
"""IOV_MAX of Linux."""


def sync_folder(folder: Path | str) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    os.rename(temporary, path)  # noqa: PTH104 - as above
    sync_folder(folder)


def write_all(descriptor: int, *pieces: bytes | memoryview) -> None:
    """Write every byte of the pieces, one after the other; the kernel may take fewer at a time."""
    rest = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
    while rest:
        written = os.writev(descriptor, rest[:_MOST_PIECES])
        while written and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
