"""The file around a data set (PS3.10 7.1): read what names its encoding, write one that names us."""

import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache

from processors.deid.parse import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Form, Parser
from processors.deid.reasons import Reason, RejectedError

PREAMBLE = 128
IMPLEMENTATION_CLASS_UID = b"2.25.157263529637914275873021956478115309624"
IMPLEMENTATION_VERSION_NAME = b"SLUICE"
"""Neither names a release or a build: an unchanged treatment gives unchanged bytes."""

MAX_INFLATED = 2 << 30
INFLATED_FREELY, INFLATED_TIMES = 128 << 20, 64
"""Bytes that any deflated data set may become, and how many times its own size a larger one may; zeros: 1000 times."""

_PIECE = 64 << 10
_GROUP_2, _GROUP_LENGTH = b"\x02\x00", struct.pack("<HH2sH", 2, 0, b"UL", 4)
_GROUP_LENGTH_ENDS = PREAMBLE + 4 + 12
_INSTANCE, _LONGEST_UID = 0x00020003, 64
IMPLICIT, EXPLICIT = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1"
DEFLATED, BIG = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2"
RLE = b"1.2.840.10008.1.2.5"
NATIVE: dict[bytes, Form] = {
    IMPLICIT: IMPLICIT_LITTLE,
    EXPLICIT: EXPLICIT_LITTLE,
    DEFLATED: EXPLICIT_LITTLE,
    BIG: EXPLICIT_BIG,
}
_JPEG, _J2K = rb"\xff\xd8\xff", rb"\xff\x4f\xff\x51"
_RLE = rb"[\x01-\x0f]\x00\x00\x00\x40\x00\x00\x00"
ENCAPSULATED: dict[bytes, re.Pattern[bytes]] = {
    RLE: re.compile(_RLE),
    **{b"1.2.840.10008.1.2.4.%d" % number: re.compile(_JPEG) for number in (50, 51, 57, 70, 80, 81)},
    **{b"1.2.840.10008.1.2.4.%d" % number: re.compile(_J2K) for number in (90, 91, 201, 202, 203)},
}
"""Transfer syntaxes of compressed images and how their first fragment begins."""


@dataclass(frozen=True, slots=True)
class Part10:
    """An opened file: where its data set begins and how it is encoded."""

    buffer: memoryview
    start: int
    transfer_syntax: bytes
    sop_class: bytes
    form: Form

    @property
    def images(self) -> bool:
        """Whether fragments hold JPEG or JPEG 2000 images, in contrast to run lengths."""
        return self.transfer_syntax in ENCAPSULATED and self.transfer_syntax != RLE

    @property
    def encapsulated(self) -> re.Pattern[bytes] | None:
        """How the first fragment must begin, if pixel data is in fragments."""
        return ENCAPSULATED.get(self.transfer_syntax)


def opened(file: memoryview) -> Part10:
    """Read preamble and file meta information.

    A deflated data set comes inflated, as explicit VR little endian.

    Raises:
        RejectedError: not Part 10, unusable file meta information, or a transfer syntax that is not read.
    """
    meta, start = _meta(file)
    syntax = meta.get(0x00020010, b"")
    if not syntax:
        raise RejectedError(Reason.META_INVALID)
    form = NATIVE.get(syntax) or (EXPLICIT_LITTLE if syntax in ENCAPSULATED else None)
    if form is None:
        raise RejectedError(Reason.TRANSFER_SYNTAX_UNSUPPORTED)
    sop_class = meta.get(0x00020002, b"")
    if syntax == DEFLATED:
        return Part10(_inflated(file[start:]), 0, EXPLICIT, sop_class, form)
    return Part10(file, start, syntax, sop_class, form)


class Opener:
    """Opens files one after another; what their file meta information has in common is read once.

    Two files have it in common if it differs in no more than the values of its own length and of the UID of the
    instance, of which neither says anything here.
    """

    def __init__(self) -> None:
        self._pieces = (b"", b"", b"")
        self._like: Part10 | None = None

    def opened(self, file: memoryview) -> Part10:
        """As the function of this name.

        Raises:
            RejectedError: as there.
        """
        if self._like is not None and (start := self._start(file)):
            return Part10(file, start, self._like.transfer_syntax, self._like.sop_class, self._like.form)
        part = opened(file)
        if part.buffer is file and (pieces := _pieces(bytes(file[: part.start]))):
            self._pieces = pieces
            self._like = Part10(memoryview(b""), 0, part.transfer_syntax, part.sop_class, part.form)
        return part

    def _start(self, file: memoryview) -> int:
        """Where the data set begins; 0 if the file meta information is another."""
        before, between, after = self._pieces
        first = _GROUP_LENGTH_ENDS + len(between)
        head = bytes(file[PREAMBLE : first + 2 + _LONGEST_UID + len(after) + 2])
        if not head.startswith(before) or not head.startswith(between, _GROUP_LENGTH_ENDS - PREAMBLE):
            return 0
        uid = first - PREAMBLE + 2
        behind = uid + int.from_bytes(head[uid - 2 : uid], "little")
        end = behind + len(after)
        same = head.startswith(after, behind) and len(head) >= end + 2 and head[end : end + 2] != _GROUP_2
        return PREAMBLE + end if same else 0


def _pieces(meta: bytes) -> tuple[bytes, bytes, bytes] | None:
    """What stands before the group's length, up to the length of the UID of the instance, and behind that UID."""
    length = meta.startswith(_GROUP_LENGTH, PREAMBLE + 4)
    elements = Parser(memoryview(meta), EXPLICIT_LITTLE).parse(PREAMBLE + 4)
    uid = next((each for each in elements if each.tag == _INSTANCE and each.vr == b"UI"), None)
    if not length or uid is None or uid.end - uid.value > _LONGEST_UID:
        return None
    return meta[PREAMBLE : PREAMBLE + 12], meta[_GROUP_LENGTH_ENDS : uid.value - 2], meta[uid.end :]


def transfer_syntax_of(file: memoryview) -> str:
    """What the file says of its encoding, before anything is inflated; empty when it says nothing.

    Raises:
        RejectedError: not Part 10, or unusable file meta information.
    """
    return _meta(file)[0].get(0x00020010, b"").decode("latin-1")


def _meta(file: memoryview) -> tuple[dict[int, bytes], int]:
    """Elements of group 0002 by tag, unpadded, and where the data set begins."""
    if len(file) < PREAMBLE + 4 or bytes(file[PREAMBLE : PREAMBLE + 4]) != b"DICM":
        raise RejectedError(Reason.NOT_DICOM)
    pos = PREAMBLE + 4
    end = pos
    while end + 8 <= len(file) and bytes(file[end : end + 2]) == b"\x02\x00":
        end = _after(file, end)
    try:
        elements = Parser(file[pos:end], EXPLICIT_LITTLE).parse(0)
    except RejectedError as error:
        raise RejectedError(Reason.META_INVALID) from error
    return {
        element.tag: bytes(file[pos + element.value : pos + element.end]).strip(b" \0") for element in elements
    }, end


def _after(file: memoryview, pos: int) -> int:
    """Where the element of file meta information at `pos` ends."""
    vr, length = struct.unpack_from("<2sH", file, pos + 4)
    if vr in (b"OB", b"UN", b"UT", b"OW", b"SQ"):
        if pos + 12 > len(file):
            raise RejectedError(Reason.META_INVALID)
        end: int = pos + 12 + struct.unpack_from("<I", file, pos + 8)[0]
    else:
        end = pos + 8 + length
    if end > len(file):
        raise RejectedError(Reason.META_INVALID)
    return end


def _inflated(deflated: memoryview) -> memoryview:
    """The inflated data set (PS3.5 A.5); what grows beyond measure is given up before it has grown."""
    limit = min(MAX_INFLATED, max(INFLATED_FREELY, INFLATED_TIMES * len(deflated)))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = bytearray()
    done = 0
    try:
        while done < len(deflated) and not inflater.eof:
            data += inflater.decompress(deflated[done : done + _PIECE], limit + 1 - len(data))
            done += _PIECE
            if len(data) > limit:
                raise RejectedError(Reason.DEFLATE_INVALID)
    except zlib.error as error:
        raise RejectedError(Reason.DEFLATE_INVALID) from error
    rest = inflater.unused_data + bytes(deflated[done : done + _PIECE])
    # Some writers pad, or leave the checksum of a gzip file behind; neither goes on.
    tails = (b"", b"\0", struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    if not inflater.eof or rest not in tails:
        raise RejectedError(Reason.DEFLATE_INVALID)
    return memoryview(data)


def preamble_and_meta(transfer_syntax: bytes, sop_class: bytes, sop_instance: bytes) -> bytes:
    """A zeroed preamble and file meta information that describe this engine (PS3.15 E.1.1 step 7)."""
    before, after = _around_uid(transfer_syntax, sop_class)
    uid = _ui(_INSTANCE & 0xFFFF, sop_instance)
    length = (len(before) + len(uid) + len(after)).to_bytes(4, "little")
    return b"".join((_PREAMBLE, length, before, uid, after))


_PREAMBLE = bytes(PREAMBLE) + b"DICM" + _GROUP_LENGTH


@lru_cache(maxsize=64)
def _around_uid(transfer_syntax: bytes, sop_class: bytes) -> tuple[bytes, bytes]:
    """Our file meta information before and behind the UID of the instance."""
    version = struct.pack("<HH2sHI2s", 2, 1, b"OB", 0, 2, b"\x00\x01")
    ours = _ui(0x0012, IMPLEMENTATION_CLASS_UID), struct.pack("<HH2sH", 2, 0x13, b"SH", 6), IMPLEMENTATION_VERSION_NAME
    return version + _ui(0x0002, sop_class), b"".join((_ui(0x0010, transfer_syntax), *ours))


def _ui(number: int, uid: bytes) -> bytes:
    padded = uid + b"\0" * (len(uid) & 1)
    return struct.pack("<HH2sH", 2, number, b"UI", len(padded)) + padded
