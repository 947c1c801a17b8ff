"""Comments inside compressed images: JPEG COM and APPn, JPEG 2000 COM, and bytes behind the end of an image.

They are blanked in place, so that every length and offset stays; the image itself is passed on byte by byte. What a
well-known encoder signs with stays too: it names no one, and most images then stay byte-equal.
"""

import re
from collections.abc import Iterator

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

_SOI, _END, _SOC = b"\xff\xd8", b"\xff\xd9", b"\xff\x4f"
_SOS, _APP0, _APP15, _COM = 0xDA, 0xE0, 0xEF, 0xFE
_SOT, _SOD, _J2K_COM = 0x90, 0x93, 0x64


def segments(buffer: memoryview, start: int, end: int) -> Iterator[memoryview]:
    """The value of encapsulated pixel data in runs, its comments blanked.

    Raises:
        RejectedError: a fragment that begins as an image is not well-formed.
    """
    done = start
    for first, last in _blanks(buffer, start, end):
        yield buffer[done:first]
        yield memoryview(bytes(last - first))
        done = last
    yield buffer[done:end]


def _blanks(buffer: memoryview, start: int, end: int) -> Iterator[Span]:
    """Spans to blank, in ascending order."""
    pos = start
    table = True
    while pos + 8 <= end:
        group, number = (int.from_bytes(buffer[at : at + 2], "little") for at in (pos, pos + 2))
        size = int.from_bytes(buffer[pos + 4 : pos + 8], "little")
        if group << 16 | number != ITEM:
            return
        pos += 8
        if not table:
            yield from _fragment(bytes(buffer[pos : pos + 2]), buffer[pos : pos + size], pos)
        table = False
        pos += size


def _fragment(begin: bytes, fragment: memoryview, at: int) -> Iterator[Span]:
    """Spans to blank in one fragment, by how it begins; a continued image has no header to look at."""
    spans = list(_jpeg(fragment) if begin == _SOI else _jpeg_2000(fragment) if begin == _SOC else ())
    # Entropy-coded data never holds the end marker (ITU-T T.81 B.1.1.5, T.800 A.1.3), so the last one is the end.
    tail = _last(fragment, _END)
    behind = fragment[tail + 2 :] if tail >= 0 else fragment[:0]
    if len(behind) > 1 or bytes(behind).strip(b"\0\xff"):
        spans.append((tail + 2, len(fragment)))
    yield from ((at + first, at + last) for first, last in spans)


def _last(fragment: memoryview, marker: bytes, window: int = 4096) -> int:
    """Where a marker is last; looks at the end of the fragment first, which nearly always has it."""
    near = max(0, len(fragment) - window)
    found = bytes(fragment[near:]).rfind(marker)
    return near + found if found >= 0 else bytes(fragment).rfind(marker)


def _jpeg(image: memoryview) -> Iterator[Span]:
    """Comments and application segments before the first scan (ITU-T T.81 B.2)."""
    pos = 2
    while True:
        marker, first, last = _segment(image, pos)
        if _APP0 <= marker <= _APP15 or marker == _COM:
            payload = bytes(image[first:last])
            harmless = _ENCODERS if marker == _COM else _APPLICATIONS
            if not harmless.fullmatch(payload):
                yield first, last
        if marker == _SOS:
            return
        pos = last


def _jpeg_2000(image: memoryview) -> Iterator[Span]:
    """Comments of the main header and of every tile-part header (ITU-T T.800 A.9.2)."""
    pos = 2
    tile_end = 0
    while pos + 2 <= len(image) and bytes(image[pos : pos + 2]) != _END:
        if image[pos] == 0xFF and image[pos + 1] == _SOD:
            pos = tile_end or len(image)
            continue
        marker, first, last = _segment(image, pos)
        if marker == _SOT:
            length = int.from_bytes(image[first + 2 : first + 6], "big")
            tile_end = pos + length if length else 0
            if length and tile_end <= last:
                raise RejectedError(Reason.PIXELS_MISMATCH)
        if marker == _J2K_COM and not _ENCODERS.fullmatch(bytes(image[first + 2 : last])):
            yield first + 2, last
        pos = last


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
