"""Where the data set of a Part 10 file begins (PS3.10 7.1)."""

import struct

PREAMBLE = 132
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""Value representations with a length of 32 bits (PS3.5 7.1.2)."""


def dataset_offset(head: bytes | memoryview) -> int | None:
    """Bytes before the data set: preamble, prefix and the file meta group, which is explicit little endian.

    Walks group 0002 element by element, so a wrong group length cannot move the begin. None when `head` is no
    beginning of a Part 10 file, or too short to hold the whole group.
    """
    if len(head) < PREAMBLE or bytes(head[128:132]) != b"DICM":
        return None
    at = PREAMBLE
    while True:
        if at + 12 > len(head):
            return at if at == len(head) else None
        group, _, kind, length = struct.unpack_from("<HH2sH", head, at)
        if group != 0x0002:
            return at
        if kind in _LONG:
            (length,) = struct.unpack_from("<L", head, at + 8)
            at += 12 + length
        else:
            at += 8 + length
