"""Members of packages: stored ZIPs on a disk, in S3 by ranges, or fetched whole from the handoff.

From S3 the directory of a package is read once a process, and then runs of neighbouring members: a few requests for a
whole package, one for a few members of it. The caller compares each member's data set with the batch's digest, so
the ZIP's own checksums are not needed.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zipfile import BadZipFile, ZipFile

import obstore

from ml.errors import BatchError
from ml.files import asking, by_handoff, in_s3, object_of, path_of
from ml.handoff_files import HandoffFiles

_LOCAL_HEADER = 30
_RUN = 16 << 20
"""Most bytes of one request."""
_GAP = 1 << 20
"""Bytes between two members that are rather read than asked around."""
_TAIL = 256 << 10


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a member's header begins, where the next one's does, and the size of its content."""

    start: int
    end: int
    size: int


def read_members(package: str, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield members of a package by name, each once, in the order in which they lie.

    Raises:
        BatchError: The package or a member is missing or cannot be read.
        StoreError: The store, or the handoff, does not answer.
    """
    try:
        if (there := by_handoff(package)) is not None:
            yield from _fetched(*there, names)
        else:
            yield from _ranges(package, names) if in_s3(package) else _local(path_of(package), names)
    except (OSError, BadZipFile, KeyError, ValueError) as error:
        raise BatchError("a package of the batch cannot be read.") from error


def _fetched(files: HandoffFiles, path: str, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """By a copy that nobody sees: the handoff may have its store in S3, where a part costs as many requests."""
    with TemporaryFile() as copy:
        files.fetch(path, copy)
        yield from _local(copy, names)


def _local(package: Path | IO[bytes], names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    with ZipFile(package) as archive:
        for name in names:
            yield name, archive.read(name)


def _ranges(package: str, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    directory = _directory(package)
    places = sorted(((directory[name], name) for name in names), key=lambda item: item[0].start)
    store, key = object_of(package)
    for run in _runs(places):
        start, end = run[0][0].start, run[-1][0].end
        with asking():
            block = memoryview(obstore.get_range(store, key, start=start, end=end))
        for place, name in run:
            yield name, _content(block[place.start - start : place.end - start], place.size)


def _runs(places: list[tuple[_Place, str]]) -> Iterator[list[tuple[_Place, str]]]:
    """Neighbours that are read together."""
    run: list[tuple[_Place, str]] = []
    for item in places:
        if run and (item[0].start - run[-1][0].end > _GAP or item[0].end - run[0][0].start > _RUN):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _content(member: memoryview, size: int) -> bytes:
    """What stands behind a local file header (APPNOTE 4.3.7), whose extra field may differ from the directory's."""
    if bytes(member[:4]) != b"PK\x03\x04":
        raise BadZipFile
    begin = _LOCAL_HEADER + int.from_bytes(member[26:28], "little") + int.from_bytes(member[28:30], "little")
    if begin + size > len(member):
        raise BadZipFile
    return bytes(member[begin : begin + size])


@lru_cache(maxsize=256)
def _directory(package: str) -> dict[str, _Place]:
    """Where the members of a package in S3 lie; it never changes, for it is named by its digest."""
    with ZipFile(_Tail(package)) as archive:
        entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
        ends = [entry.header_offset for entry in entries[1:]] + [archive.start_dir]
    return {
        entry.filename: _Place(entry.header_offset, end, entry.file_size)
        for entry, end in zip(entries, ends, strict=True)
    }


class _Tail(io.RawIOBase):
    """A package in S3 as a file of which only the end is read, in one request for nearly all."""

    def __init__(self, package: str) -> None:
        super().__init__()
        self._store, self._key = object_of(package)
        with asking():
            self._size = int(obstore.head(self._store, self._key)["size"])
        self._position = 0
        self._begin = self._size
        self._block = memoryview(b"")

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Bytes from here on."""
        end = self._size if size is None or size < 0 else min(self._position + size, self._size)
        if self._position < self._begin:
            begin = max(0, min(self._position, self._size - _TAIL))
            with asking():
                self._block = memoryview(obstore.get_range(self._store, self._key, start=begin, end=self._size))
            self._begin = begin
        found = bytes(self._block[self._position - self._begin : max(end, self._position) - self._begin])
        self._position += len(found)
        return found
