"""The mark in a file's preamble, by which a file of a delivery tells of itself without its journal line.

The 128 bytes before the prefix DICM are free for an implementation's own use (PS3.10 7.1). Files of the landing never
leave the trusted zone as they lie here: what is delivered gets a preamble of zeros (`processors/deid/part10.py`).

The mark is written after the object's last byte and before its one sync. So after a power cut a file whose content is
what its mark says was whole, and may have been acknowledged although its journal line is gone; `adopt` makes the line
anew. A file whose mark is missing, or says anything else, never was. It names delivery and number, so that a copy of a
file is none. All numbers little endian:

    offset  bytes  what
         0      8  b"SLUICE", 0, and the mark's version: 1
         8     16  the delivery's id
        24     32  SHA-256 of the data set
        56      8  bytes of the data set
        64      8  when it came: Unix seconds, a binary64
        72      4  revision
        76      4  the file's number in its delivery
        80     44  zeros
       124      4  CRC-32 of the 124 bytes before
"""

import os
import struct
import zlib
from dataclasses import dataclass
from typing import Final, Self

MARK_BYTES: Final = 128
"""A whole preamble."""
_MAGIC: Final = b"SLUICE\0\1"
_FIELDS: Final = struct.Struct("<8s16s32sQdII44x")
_CHECK: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a file says of itself."""

    delivery_id: str
    digest: str
    """SHA-256 of the data set, in hexadecimal digits."""
    size: int
    """Bytes of the data set."""
    received_at: float
    """Unix seconds."""
    revision: int
    number: int
    """Of the file in its delivery; its name is made of it."""

    def to_bytes(self) -> bytes:
        """A preamble."""
        fields = _FIELDS.pack(
            _MAGIC,
            bytes.fromhex(self.delivery_id),
            bytes.fromhex(self.digest),
            self.size,
            self.received_at,
            self.revision,
            self.number,
        )
        return fields + _CHECK.pack(zlib.crc32(fields))

    @classmethod
    def from_bytes(cls, preamble: bytes) -> Self | None:
        """Read a preamble; None if it is no mark of this version."""
        fields, check = preamble[: _FIELDS.size], preamble[_FIELDS.size : MARK_BYTES]
        if not fields.startswith(_MAGIC) or check != _CHECK.pack(zlib.crc32(fields)):
            return None
        _, delivery_id, digest, size, received_at, revision, number = _FIELDS.unpack(fields)
        return cls(delivery_id.hex(), digest.hex(), size, received_at, revision, number)


def write_mark(descriptor: int, mark: Mark) -> None:
    """Write the mark into a file of ours that is open for writing; whoever needs it durable syncs the file.

    Raises:
        OSError: the disk does not take it.
    """
    _write(descriptor, mark.to_bytes())


def wipe_mark(descriptor: int) -> None:
    """Take the mark back, durably: the file tells of nothing any more.

    Raises:
        OSError: the disk does not take it.
    """
    _write(descriptor, bytes(MARK_BYTES))
    os.fdatasync(descriptor)


def file_name(number: int) -> str:
    """What a delivery's file of this number is called."""
    return f"{number:06d}.dcm"


def _write(descriptor: int, content: bytes) -> None:
    written = 0
    while written < len(content):
        written += os.pwrite(descriptor, content[written:], written)
