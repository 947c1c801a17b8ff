"""Writes that survive a power cut: the file is synced, then its name, then the folder that holds the name."""

import os
from pathlib import Path
from typing import Final

_MOST_PIECES: Final = 1024
"""IOV_MAX of Linux."""


def sync_folder(folder: Path) -> None:
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
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(path)
    sync_folder(path.parent)


def write_all(descriptor: int, *pieces: bytes | memoryview) -> None:
    """Write every byte of the pieces, one after the other; the kernel may take fewer at a time."""
    rest = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
    while rest:
        written = os.writev(descriptor, rest[:_MOST_PIECES])
        while written and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
