"""What is asked of pixels before they pass: there are as many as the header says, of their transfer syntax."""

from collections.abc import Callable
from dataclasses import replace
from struct import pack

from processors.deid.codestream import Fragments, tables_are_true
from processors.deid.iod_types import OFFSET_TABLES
from processors.deid.parse import ITEM, SEQUENCE_END, UNDEFINED, Element
from processors.deid.part10 import Part10
from processors.deid.reasons import Reason, RejectedError

Value = Callable[[int], bytes]
"""A top level value by tag, without padding; empty where there is none."""

PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS = 0x7FE00010, 0x7FE00008, 0x7FE00009
_ROWS, _COLUMNS, _SAMPLES, _ALLOCATED = 0x00280010, 0x00280011, 0x00280002, 0x00280100
_FRAMES, _PHOTOMETRIC = 0x00280008, 0x00280004
_UNDEFINED = pack("<I", UNDEFINED)
_END = pack("<HHI", SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0)
"""Encapsulated pixel data has no length, and ends in a delimiter (PS3.5 A.4); so that nothing lies behind fragments."""


def require_whole(part: Part10, elements: dict[int, Element], value: Value) -> None:
    """There is one pixel data element, of the length that the Image Pixel Module says (PS3.5 8.1, A.4).

    Raises:
        RejectedError: there is none, it is longer or shorter, or it is not of its transfer syntax.
    """
    found = [elements[tag] for tag in (PIXEL_DATA, FLOAT_PIXELS, DOUBLE_PIXELS) if tag in elements]
    if not found:
        raise RejectedError(Reason.PIXELS_MISSING)
    if len(found) != 1 or found[0].vr not in (b"OB", b"OW", b"OF", b"OD"):
        raise RejectedError(Reason.PIXELS_MISMATCH)
    element = found[0]
    if part.encapsulated:
        fits = fragments_fit(part, element, _frames(value))
    else:
        fits = _native_fits(part, elements, element, value)
    if not fits:
        raise RejectedError(Reason.PIXELS_MISMATCH)


def _native_fits(part: Part10, elements: dict[int, Element], element: Element, value: Value) -> bool:
    """Whether native pixels are exactly as long as said, a byte of padding apart."""
    rows, columns, samples, allocated = (
        _number(part, elements.get(tag)) for tag in (_ROWS, _COLUMNS, _SAMPLES, _ALLOCATED)
    )
    if value(_PHOTOMETRIC) == b"YBR_FULL_422":
        samples = 2
    bits = rows * columns * (samples or 1) * _frames(value) * allocated
    size = (bits + 7) // 8
    return bool(bits) and element.end - element.value in (size, size + (size & 1))


def _number(part: Part10, element: Element | None) -> int:
    """An unsigned short as it is: the low byte of 288, or of 800, looks like a blank and is none."""
    raw = bytes(part.buffer[element.value : element.end][:2]) if element else b""
    return int.from_bytes(raw, "big" if part.form.big else "little")


def fragments_fit(part: Part10, element: Element, frames: int) -> bool:
    """Whether there are at least as many fragments as frames, the first begins as its syntax says, and nothing follows.

    Args:
        part: the file.
        element: encapsulated pixel data.
        frames: that there are.
    """
    buffer, pos = part.buffer, element.value
    count = 0
    first = b""
    while pos < element.end:
        tag = int.from_bytes(buffer[pos : pos + 2], "little") << 16 | int.from_bytes(
            buffer[pos + 2 : pos + 4], "little"
        )
        size = int.from_bytes(buffer[pos + 4 : pos + 8], "little")
        if tag != ITEM:
            break
        if count == 1:
            first = bytes(buffer[pos + 8 : pos + 8 + min(size, 16)])
        count += 1
        pos += 8 + size
    form = part.encapsulated
    closed = buffer[pos : element.end] == _END and buffer[element.value - 4 : element.value] == _UNDEFINED
    return form is not None and form.match(first) is not None and count - 1 >= frames and closed


def fragments_of(part: Part10, elements: dict[int, Element], value: Value) -> Fragments | None:
    """What the fragments hold; None where pixel data is native."""
    if part.encapsulated is None:
        return None
    plane = 0 if part.images else _number(part, elements.get(_ROWS)) * _number(part, elements.get(_COLUMNS))
    held = Fragments(_frames(value), plane)
    pixels, *tables = (elements.get(tag) for tag in (PIXEL_DATA, *OFFSET_TABLES))
    if pixels is None or None in tables:
        return held
    offsets, lengths = (bytes(part.buffer[each.value : each.end]) for each in tables if each)
    true = tables_are_true(part.buffer, pixels.value, pixels.end, held, (offsets, lengths))
    return replace(held, tables=true)


def _frames(value: Value) -> int:
    text = value(_FRAMES).strip()
    return int(text) if text.isdigit() and int(text) else 1
