"""The file with other pixels: the same elements, but for those that say how pixels lie and what was done to them."""

from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword

from processors.deid.burned_in.compressed import Written
from processors.deid.burned_in.header import Opened
from processors.deid.encode import Encoder
from processors.deid.parse import EXPLICIT_LITTLE, UNDEFINED, Element
from processors.deid.part10 import preamble_and_meta

_PIXEL_DATA = 0x7FE00010
_GONE = frozenset(
    tag_for_keyword(keyword)
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "IconImageSequence", "PixelDataProviderURL")
)
"""What spoke of the pixels as they were: offsets into them, and a small copy of them."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A Part 10 file in one buffer, and where in it the pixels of a native image lie."""

    file: bytearray
    pixels: slice


def assembled(opened: Opened, written: Written) -> Assembled:
    """The file with these pixels, Burned In Annotation being NO.

    Whoever calls vouches for that NO; before it is true, the file goes nowhere.
    """
    header, layout = opened.header, written.layout
    encoder = Encoder(opened.part.form)
    amended: dict[int, tuple[bytes, bytes]] = {_tag("BurnedInAnnotation"): (b"CS", b"NO")}
    if header.value("PhotometricInterpretation") != layout.photometric.encode():
        amended[_tag("PhotometricInterpretation")] = (b"CS", layout.photometric.encode())
    if layout.samples == 3 and written.transfer_syntax != opened.part.transfer_syntax:
        amended[_tag("PlanarConfiguration")] = (b"US", int(layout.planar).to_bytes(2, "little"))
    out = bytearray(
        preamble_and_meta(written.transfer_syntax, header.value("SOPClassUID"), header.value("SOPInstanceUID"))
    )
    where = slice(0)
    for element in _with(opened.elements, amended):
        if element.tag in _GONE:
            continue
        if element.tag == _PIXEL_DATA:
            where = _pixels(out, encoder, element, opened, written)
        elif element.tag in amended:
            vr, value = amended[element.tag]
            out += encoder.element(element.tag, vr, value)
        else:
            out += opened.part.buffer[element.start : element.end]
    return Assembled(out, where)


def _with(elements: list[Element], amended: dict[int, tuple[bytes, bytes]]) -> list[Element]:
    """Elements in order of their tags, with those that are new."""
    new = amended.keys() - {element.tag for element in elements}
    return sorted((*elements, *(Element(tag, b"CS", 0, 0, 0, None) for tag in new)), key=lambda each: each.tag)


def _pixels(out: bytearray, encoder: Encoder, element: Element, opened: Opened, written: Written) -> slice:
    """Append Pixel Data; of fragments that become native the form is explicit little endian as it was."""
    value = written.value
    if written.transfer_syntax == opened.part.transfer_syntax and opened.part.encapsulated:
        out += Encoder(EXPLICIT_LITTLE).header(_PIXEL_DATA, b"OB", UNDEFINED)
        out += value
        out += encoder.sequence_end
        return slice(len(out), len(out))
    vr = element.vr if not opened.part.encapsulated else b"OW" if written.layout.allocated > 8 else b"OB"
    out += encoder.header(_PIXEL_DATA, vr, len(value) + (len(value) & 1))
    begin = len(out)
    out += value
    out += bytes(len(value) & 1)
    return slice(begin, len(out))


def _tag(keyword: str) -> int:
    return tag_for_keyword(keyword) or 0
