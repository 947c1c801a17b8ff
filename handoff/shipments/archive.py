"""Where the members of a package lie: a ZIP, stored, without comment, encryption, overlap or gap of trust.

Nothing is ever extracted; the caller reads the ranges of the file. So no name can become a path, and no member can
unfold to more bytes than were sent.
"""

import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from handoff.errors import PackageError

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_LOCATOR = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1
_DESCRIPTOR = 0x8
_DIRECTORY_BYTES_PER_MEMBER = 512
"""More than any directory entry of ours takes."""


@dataclass(frozen=True, slots=True)
class Member:
    """The bytes of one member in the file of the package."""

    name: str
    start: int
    size: int
    crc: int


def read_members(
    file: BinaryIO, size: int, most: int, headers: Mapping[int, bytes] = MappingProxyType({})
) -> dict[str, Member]:
    """Find the members of a stored ZIP.

    Args:
        file: the package, seekable.
        size: its size in bytes.
        most: the largest number of members to look at.
        headers: local headers by their offset, as they were seen when they came in; they are not read again.

    Raises:
        PackageError: `zip-invalid`, `zip-members`, `zip-compressed`, `zip-encrypted` or `zip-overlap`.
    """
    _check_end(file, size, most)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            directory = archive.start_dir
    except (zipfile.BadZipFile, UnicodeDecodeError, ValueError, EOFError, struct.error, NotImplementedError) as error:
        raise PackageError("The package is no ZIP that can be read.", code="zip-invalid") from error
    members = [_member(file, entry, directory, headers) for entry in entries]
    _check_ranges(members, directory)
    if len({member.name for member in members}) != len(members):
        raise PackageError("Two members of the package have one name.", code="zip-members")
    return {member.name: member for member in members}


def _check_end(file: BinaryIO, size: int, most: int) -> None:
    """Look at the end record alone, so that a huge directory is refused before it is read."""
    if size < _END.size:
        raise PackageError("The package is too short for a ZIP.", code="zip-invalid")
    file.seek(size - _END.size)
    magic, _, _, _, count, length, _, comment = _END.unpack(file.read(_END.size))
    if magic != b"PK\x05\x06" or comment:
        raise PackageError("The package does not end as a ZIP without comment.", code="zip-invalid")
    ends = _read_end64(file, size)  # whatever the short record says: readers believe the long one
    count, length = ends or (count, length)
    if count > most or length > (most + 1) * _DIRECTORY_BYTES_PER_MEMBER:
        raise PackageError("The package has more members than this service takes.", code="zip-members")


def _read_end64(file: BinaryIO, size: int) -> tuple[int, int] | None:
    """Number of members and bytes of the directory, of a ZIP64; None for any other.

    Its record is looked for where `zipfile` does, right before the locator, and must be where the locator says.
    """
    at = size - _END.size - _END64_LOCATOR.size
    if at < 0:
        return None
    file.seek(at)
    magic, _, offset, _ = _END64_LOCATOR.unpack(file.read(_END64_LOCATOR.size))
    if magic != b"PK\x06\x07":
        return None
    at -= _END64.size
    if offset != at:
        raise PackageError("The package's ZIP64 end cannot be read.", code="zip-invalid")
    file.seek(at)
    magic, *_, count, length, _ = _END64.unpack(file.read(_END64.size))
    if magic != b"PK\x06\x06":
        raise PackageError("The package's ZIP64 end cannot be read.", code="zip-invalid")
    return count, length


def _member(file: BinaryIO, entry: zipfile.ZipInfo, end: int, headers: Mapping[int, bytes]) -> Member:
    """Check one directory entry against the header that stands before its bytes."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise PackageError("A member of the package is compressed.", code="zip-compressed")
    if entry.flag_bits & _ENCRYPTED:
        raise PackageError("A member of the package is encrypted.", code="zip-encrypted")
    if entry.flag_bits & _DESCRIPTOR:
        raise PackageError("A member of the package has its size behind it.", code="zip-invalid")
    if not 0 <= entry.header_offset < end:
        raise PackageError("A member lies outside of the package.", code="zip-overlap")
    header = headers.get(entry.header_offset) or _read_header(file, entry.header_offset)
    if len(header) < _LOCAL.size:
        raise PackageError("A member lies outside of the package.", code="zip-overlap")
    magic, _, _, method, _, _, _, _, _, name_length, extra_length = _LOCAL.unpack_from(header)
    name = header[_LOCAL.size : _LOCAL.size + name_length]
    if magic != b"PK\x03\x04" or method != zipfile.ZIP_STORED or name != entry.orig_filename.encode("utf-8"):
        raise PackageError("A member's header and the directory disagree.", code="zip-invalid")
    start = entry.header_offset + _LOCAL.size + name_length + extra_length
    return Member(entry.orig_filename, start, entry.file_size, entry.CRC)


def _read_header(file: BinaryIO, offset: int) -> bytes:
    """A local header with its name, or less where the file ends."""
    file.seek(offset)
    header = file.read(_LOCAL.size)
    return header if len(header) < _LOCAL.size else header + file.read(_LOCAL.unpack(header)[9])


def _check_ranges(members: list[Member], end: int) -> None:
    """No two members share bytes, and none reaches into the directory."""
    reached = 0
    for member in sorted(members, key=lambda item: item.start):
        if member.start < reached:
            raise PackageError("Two members of the package share bytes.", code="zip-overlap")
        reached = member.start + member.size
    if reached > end:
        raise PackageError("A member lies outside of the package.", code="zip-overlap")
