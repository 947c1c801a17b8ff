"""The members of a package, hashed while it comes in, so that it is not read again once it is here.

What is noted are facts of bytes: at this offset begin so many bytes of this digest and checksum. Whether they are the
members that directory and manifest name is decided afterwards, by these; a package whose bytes do not follow each other
as ours do is read once more instead.
"""

import hashlib
import struct
from dataclasses import dataclass

from zlib_ng.zlib_ng import crc32

from handoff.shipments.dataset import dataset_offset

_LOCAL = struct.Struct("<4s5H3L2H")
_STORED = b"PK\x03\x04"
_MOST_HEADER = 512
"""Bytes of a local header that is kept; ours take some hundred."""
_PIECE = 1 << 17
"""Bytes that are hashed and then summed while they are near the core; to fetch them twice costs as much as the sum."""
_MOST_META = 1 << 16
"""Bytes in which the file meta group of a Part 10 file ends; ours take some hundred."""


@dataclass(frozen=True, slots=True)
class SeenMember:
    """Bytes of a package; `digest` is that of the data set within, None where they are no Part 10 file.

    `header` is the local header right before them, empty where it was too long to be kept.
    """

    size: int
    digest: str | None
    crc: int
    header: bytes = b""


class MemberStream:
    """Takes a package block by block."""

    def __init__(self, most: int) -> None:
        """Begin.

        Args:
            most: members that are noted at most, or headers of nothing would fill the memory.
        """
        self.most = most
        self.seen: dict[int, SeenMember] = {}
        """By the offset at which they begin."""
        self._at = 0
        self._head = bytearray()
        self._kept_header = b""
        self._left = 0
        self._start = self._size = self._crc = 0
        self._meta: bytearray | None = None
        self._hash = hashlib.sha256()
        self._part10 = True
        self._over = False

    def feed(self, block: bytes | memoryview) -> None:
        """Look at the next bytes."""
        view = memoryview(block)
        while view and not self._over:
            view = self._content(view) if self._left else self._header(view)

    def _header(self, view: memoryview) -> memoryview:
        """Collect a local header; anything else is the directory, and the end of what is looked at."""
        wanted = _LOCAL.size
        if len(self._head) >= wanted:
            wanted += sum(_LOCAL.unpack_from(self._head)[9:11])
        taken = view[: wanted - len(self._head)]
        self._head += taken
        self._at += len(taken)
        if len(self._head) == _LOCAL.size == wanted:
            magic, _, flags, method, _, _, _, packed, size, name, extra = _LOCAL.unpack(self._head)
            self._over = magic != _STORED or bool(flags & 0x9) or method != 0 or packed != size
            wanted += name + extra
        if not self._over and len(self._head) == wanted:
            self._begin(_LOCAL.unpack_from(self._head)[8])
        return view[len(taken) :]

    def _begin(self, size: int) -> None:
        self._kept_header = bytes(self._head) if len(self._head) <= _MOST_HEADER else b""
        self._head.clear()
        self._start, self._size, self._left = self._at, size, size
        self._crc, self._hash, self._meta, self._part10 = 0, hashlib.sha256(), bytearray(), True
        if not size:
            self._end()

    def _content(self, view: memoryview) -> memoryview:
        taken = view[: self._left]
        for at in range(0, len(taken), _PIECE):
            piece = taken[at : at + _PIECE]
            self._digest(piece)
            self._crc = crc32(piece, self._crc)
        self._at += len(taken)
        self._left -= len(taken)
        if not self._left:
            self._end()
        return view[len(taken) :]

    def _digest(self, taken: memoryview) -> None:
        """Hash what follows the file meta group, which may end in a later block."""
        if self._meta is None:
            self._hash.update(taken)
            return
        # Within one block nothing is copied: only a group that is cut by a block's end is put together.
        head = taken if not self._meta else memoryview(bytes(self._meta) + bytes(taken))
        offset = dataset_offset(head[:_MOST_META])
        whole = len(head) >= min(self._size, _MOST_META)
        if offset is not None and (offset < len(head) or whole):
            self._hash.update(head[offset:])
            self._meta = None
        elif whole:
            self._meta, self._part10 = None, False
        else:
            self._meta = bytearray(head)

    def _end(self) -> None:
        digest = self._hash.hexdigest() if self._part10 and self._meta is None else None
        self.seen[self._start] = SeenMember(self._size, digest, self._crc, self._kept_header)
        self._over = len(self.seen) >= self.most
