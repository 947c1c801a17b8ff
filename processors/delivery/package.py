"""Writes a package: a ZIP whose members are stored, in one pass, hashed while it is written.

The standard library's zipfile seeks back to patch sizes, which a running hash cannot follow; here every size is known
before its member. Times are fixed, so equal instances give equal packages. ZIP64 is not written: PKWARE APPNOTE 4.3.9.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from processors.deid.files import write

MEMBER_LIMIT: Final = 0xFFFF_FFFE
"""Bytes of a member or a package that the plain ZIP format can express."""
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_VERSION, _UTF8, _STORED, _TIME, _DATE = 20, 0x0800, 0, 0, 0x0021
"""2.0; names in UTF-8; method 0; midnight of 1980-01-01."""


class Sealed(NamedTuple):
    """A finished package."""

    sha256: str
    size: int


class _Member(NamedTuple):
    name: bytes
    crc: int
    size: int
    offset: int


def package_path(folder: Path, shipment_id: str) -> Path:
    """Where the package of a shipment lies, beside its delivery."""
    return folder / f"{shipment_id}.zip"


class PackageWriter:
    """A package in the making; holds one member's chunks at a time, never the whole."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._hash = hashlib.sha256()
        self._members: list[_Member] = []
        self._size = 0

    def fits(self, size: int) -> bool:
        """Whether a member of this many bytes can still be added, the directory included."""
        return self._size + size + 256 * (len(self._members) + 2) < MEMBER_LIMIT and len(self._members) < 0xFFFE

    def add(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Append one member."""
        parts = list(chunks)
        crc, size = 0, 0
        for part in parts:
            crc, size = zlib.crc32(part, crc), size + len(part)
        member = _Member(name.encode(), crc, size, self._size)
        local = _LOCAL.pack(b"PK\3\4", _VERSION, _UTF8, _STORED, _TIME, _DATE, crc, size, size, len(member.name), 0)
        self._put([local, member.name, *parts])
        self._members.append(member)

    def finish(self) -> Sealed:
        """Write the directory and make the file durable under the name that it has."""
        start = self._size
        entries = []
        for name, crc, size, offset in self._members:
            head = (b"PK\1\2", _VERSION, _VERSION, _UTF8, _STORED, _TIME, _DATE, crc, size, size, len(name))
            entries.append(_CENTRAL.pack(*head, 0, 0, 0, 0, 0, offset) + name)
        directory, count = b"".join(entries), len(entries)
        self._put([directory, _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), start, 0)])
        os.fsync(self._file.fileno())
        self._file.close()
        return Sealed(self._hash.hexdigest(), self._size)

    def discard(self) -> None:
        """Forget the package."""
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def _put(self, parts: list[bytes | memoryview]) -> None:
        write(self._file.fileno(), parts)
        for part in parts:
            self._hash.update(part)
            self._size += len(part)
