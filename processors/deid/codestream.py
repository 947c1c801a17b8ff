"""Comments inside compressed images: JPEG COM and APPn, JPEG 2000 COM, and bytes that belong to no image.

They are blanked in place, so that every length and offset stays; the image itself is passed on byte by byte. What a
well-known encoder signs with stays too: it names no one, and most images then stay byte-equal.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from processors.deid import runs
from processors.deid.parse import ITEM
from processors.deid.reasons import Reason, RejectedError

Span = tuple[int, int]

_ENCODERS = re.compile(
    rb"(?:Kakadu-v?[\d.]{1,12}|Created by (?:GDCM/)?OpenJPEG version [\d.]{1,12}"
    rb"|(?:CREATOR: )?JasPer Version [\d.]{1,12}|LEAD Technologies Inc\. V[\d.]{1,8}|Lavc[\d.]{1,12}"
    rb"|CharLS[ \d.]{0,12})\0?",
    re.IGNORECASE,
)
_APPLICATIONS = re.compile(rb"JFIF\0.{7}\0\0|Adobe.{7}|SPIFF\0.{24}|\0\0\0\x01\xff\xd8|mrfx.", re.DOTALL)
"""Application segments that say how to decode: JFIF without thumbnail, Adobe's and HP's transforms, SPIFF's header."""

_OFFSET = struct.Struct("<I")
_NO_TABLE = struct.pack("<HHI", ITEM >> 16, ITEM & 0xFFFF, 0)
_SOI, _END, _SOC = b"\xff\xd8", b"\xff\xd9", b"\xff\x4f"
_EOI, _SOS, _APP0, _APP15, _COM, _SOF_LS = 0xD9, 0xDA, 0xE0, 0xEF, 0xFE, 0xF7
_SOT, _SOD, _J2K_COM = 0x90, 0x93, 0x64
_TABLES = frozenset((*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, _SOF_LS, 0xF8))
"""Markers of JPEG and JPEG-LS whose segments say how to decode (ITU-T T.81 B.1.1.3, T.87 C.1.1)."""

_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_NEXT_MARKER_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""What ends entropy-coded data: JPEG stuffs 00 behind FF, JPEG-LS a zero bit; restart markers belong to the data."""


@dataclass(frozen=True, slots=True)
class Fragments:
    """What encapsulated pixel data holds: `frames`, and `plane` pixels of each where they are run lengths, else 0.

    `tables`: whether the extended offset tables beside it say what its fragments do.
    """

    frames: int
    plane: int = 0
    tables: bool = False


@dataclass(slots=True)
class _Open:
    """An image that goes on in the next fragment."""

    jpeg: bool
    is_ls: bool = False
    cut_marker: bool = False


def segments(buffer: memoryview, start: int, end: int, held: Fragments) -> Iterator[memoryview]:
    """The value of encapsulated pixel data in runs, its comments blanked.

    Raises:
        RejectedError: a fragment is no image or part of one, there are more or fewer than frames, an image is not
            well-formed.
    """
    (table, size), *fragments = _items(buffer, start, end) or [(start, 0)]
    starts = [at - 8 - table - size for at, _ in frames_of(buffer, fragments, held)]
    done = start
    if size and bytes(buffer[table : table + size]) != b"".join(_OFFSET.pack(each & 0xFFFFFFFF) for each in starts):
        # What is no offset may be anything; without a table, readers find frames by themselves (PS3.5 A.4).
        yield memoryview(_NO_TABLE)
        done = table + size
    for first, last in _blanks(buffer, fragments, held):
        yield buffer[done:first]
        yield memoryview(bytes(last - first))
        done = last
    yield buffer[done:end]


def frames_of(buffer: memoryview, fragments: list[Span], held: Fragments) -> list[Span]:
    """The first fragment of each frame."""
    return [each for each in fragments if held.plane or bytes(buffer[each[0] : each[0] + 2]) in (_SOI, _SOC)]


def tables_are_true(buffer: memoryview, start: int, end: int, held: Fragments, tables: tuple[bytes, bytes]) -> bool:
    """Whether extended offsets and lengths are those of the fragments, one a frame (PS3.3 C.7.6.3.1.8).

    Args:
        buffer: what pixel data lies in.
        start: of its value.
        end: of its value.
        held: what it holds.
        tables: the values of the two attributes; a length may leave the byte of padding out.
    """
    (table, size), *fragments = _items(buffer, start, end) or [(start, 0)]
    frames = frames_of(buffer, fragments, held)
    if frames != fragments or len(tables[0]) != 8 * len(frames) or len(tables[1]) != 8 * len(frames):
        return False
    offsets, lengths = ([number for (number,) in struct.iter_unpack("<Q", each)] for each in tables)
    there = zip(frames, offsets, lengths, strict=True)
    return all(offset == at - 8 - table - size and length in (long, long - 1) for (at, long), offset, length in there)


def _blanks(buffer: memoryview, fragments: list[Span], held: Fragments) -> Iterator[Span]:
    """Spans to blank, in ascending order."""
    image: _Open | None = None
    frames = 0
    for at, length in fragments:
        fragment = buffer[at : at + length]
        frames += bool(held.plane) or bytes(fragment[:2]) in (_SOI, _SOC)
        if held.plane:
            spans = runs.paddings(fragment, held.plane)
        else:
            spans, image = _fragment(fragment, image)
        yield from ((at + begin, at + stop) for begin, stop in spans)
    if frames != held.frames:
        raise RejectedError(Reason.PIXELS_MISMATCH)


def _items(buffer: memoryview, pos: int, end: int) -> list[Span]:
    """Where each item's value begins, and its length in bytes."""
    found = []
    while pos + 8 <= end:
        group, number = (int.from_bytes(buffer[at : at + 2], "little") for at in (pos, pos + 2))
        if group << 16 | number != ITEM:
            break
        size = int.from_bytes(buffer[pos + 4 : pos + 8], "little")
        found.append((pos + 8, size))
        pos += 8 + size
    return found


def _fragment(fragment: memoryview, image: _Open | None) -> tuple[list[Span], _Open | None]:
    """Spans to blank in one fragment, and the image that goes on behind it; `image` is what goes on before it."""
    begin = bytes(fragment[:2])
    spans: list[Span] = []
    if begin == _SOI:
        image, pos = _Open(jpeg=True), 2
    elif begin == _SOC:
        image, pos = _Open(jpeg=False), 2
    elif image is not None and image.jpeg and not (image.cut_marker and fragment and fragment[0] >= 0x80):
        pos = _behind_data(fragment, 0, image)
    elif bytes(fragment).strip(b"\0"):
        raise RejectedError(Reason.PIXELS_MISMATCH)
    else:
        return spans, image
    stop = _jpeg(fragment, pos, image, spans) if image.jpeg else _jpeg_2000(fragment, spans)
    if stop is None:
        image.cut_marker = fragment[-1] == 0xFF
        return spans, image
    behind = fragment[stop:]
    if len(behind) > 1 or bytes(behind).strip(b"\0\xff"):
        spans.append((stop, len(fragment)))
    return spans, None


def _jpeg(image: memoryview, pos: int, state: _Open, spans: list[Span]) -> int | None:
    """Comments and application segments, between scans too (ITU-T T.81 B.2); where the image ends, if it does here."""
    while pos < len(image):
        while pos + 2 <= len(image) and image[pos] == image[pos + 1] == 0xFF:
            pos += 1
        if bytes(image[pos : pos + 2]) == _END:
            return pos + 2
        marker, first, last = _segment(image, pos)
        state.is_ls |= marker == _SOF_LS
        if _APP0 <= marker <= _APP15 or marker == _COM:
            harmless = _ENCODERS if marker == _COM else _APPLICATIONS
            if not harmless.fullmatch(bytes(image[first:last])):
                spans.append((first, last))
        elif marker not in _TABLES:
            raise RejectedError(Reason.PIXELS_MISMATCH)
        pos = _behind_data(image, last, state) if marker == _SOS else last
    return None


def _behind_data(image: memoryview, pos: int, state: _Open) -> int:
    """Where entropy-coded data ends, from `pos`: at the next marker, or with the fragment."""
    form = _NEXT_MARKER_LS if state.is_ls else _NEXT_MARKER
    found = form.search(image, pos)
    return found.start() if found else len(image)


def _jpeg_2000(image: memoryview, spans: list[Span]) -> int | None:
    """Comments of the main header and of every tile-part header (ITU-T T.800 A.9.2); where the image ends.

    Raises:
        RejectedError: it goes on in another fragment, whose tile-part headers cannot be told from data.
    """
    pos = 2
    tile_end = 0
    while pos + 2 <= len(image):
        if bytes(image[pos : pos + 2]) == _END:
            return pos + 2
        if image[pos] == 0xFF and image[pos + 1] == _SOD:
            # Packets never hold FF90 or above (T.800 A.1.3), so what ends the last tile-part is the next end marker.
            pos = tile_end or _end_of_codestream(image, pos)
            continue
        marker, first, last = _segment(image, pos)
        if marker == _SOT:
            length = int.from_bytes(image[first + 2 : first + 6], "big")
            tile_end = pos + length if length else 0
            if length and tile_end <= last:
                raise RejectedError(Reason.PIXELS_MISMATCH)
        if marker == _J2K_COM and not _ENCODERS.fullmatch(bytes(image[first + 2 : last])):
            spans.append((first + 2, last))
        pos = last
    if pos > len(image):
        raise RejectedError(Reason.PIXELS_MISMATCH)
    return len(image)


def _end_of_codestream(image: memoryview, pos: int) -> int:
    found = bytes(image[pos:]).find(_END)
    return pos + found if found >= 0 else len(image)


def _segment(image: memoryview, pos: int) -> tuple[int, int, int]:
    """A marker at `pos`, behind any fill bytes, and the span of its parameters behind their length."""
    while pos + 4 <= len(image) and image[pos] == image[pos + 1] == 0xFF:
        pos += 1
    if pos + 4 > len(image) or image[pos] != 0xFF:
        raise RejectedError(Reason.PIXELS_MISMATCH)
    length = int.from_bytes(image[pos + 2 : pos + 4], "big")
    last = pos + 2 + length
    if length < 2 or last > len(image):
        raise RejectedError(Reason.PIXELS_MISMATCH)
    return image[pos + 1], pos + 4, last
