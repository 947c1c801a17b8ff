"""What stands before the data set in a DICOM file: preamble and file meta information (PS3.10 section 7.1)."""

import struct
from functools import lru_cache
from typing import Final

IMPLEMENTATION_CLASS_UID: Final = "2.25.120361837430523172146518736442907841217"
IMPLEMENTATION_VERSION_NAME: Final = "SLUICE_0_1"
HEAD_BYTES: Final = 144
"""So many bytes tell how long the head is: preamble, prefix, group length."""
_PREAMBLE: Final = b"\0" * 128 + b"DICM"


def file_head(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, private_information: bytes = b""
) -> bytes:
    """All bytes that precede the data set of a file of ours.

    Args:
        sop_class_uid: As the C-STORE command has it.
        sop_instance_uid: As the C-STORE command has it.
        transfer_syntax_uid: Of the presentation context over which the data set came.
        private_information: Text of our own, for (0002,0102); absent if empty.
    """
    before, after = _around(sop_class_uid, transfer_syntax_uid)
    meta = before + _short(0x0003, b"UI", sop_instance_uid) + after
    if private_information:
        padded = private_information + b" " * (len(private_information) % 2)
        meta += _PRIVATE_CREATOR + _long(0x0102, b"OB", padded)
    return _PREAMBLE + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta


@lru_cache(maxsize=64)
def _around(sop_class_uid: str, transfer_syntax_uid: str) -> tuple[bytes, bytes]:
    """The elements before and after the instance's UID: the same for all objects of a class."""
    after = (
        _short(0x0010, b"UI", transfer_syntax_uid),
        _short(0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
        _short(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
    )
    return _long(0x0001, b"OB", b"\0\1") + _short(0x0002, b"UI", sop_class_uid), b"".join(after)


def data_set_offset(head: bytes | memoryview) -> int:
    """Where the data set starts in a file that begins with `head` as `file_head` writes it."""
    return HEAD_BYTES + int(struct.unpack_from("<I", head, HEAD_BYTES - 4)[0])


def _short(element: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value


def _long(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sHI", 2, element, vr, 0, len(value)) + value


_PRIVATE_CREATOR: Final = _short(0x0100, b"UI", IMPLEMENTATION_CLASS_UID)
