"""Walk the elements of an encoded data set without decoding a value (PS3.5 section 7).

The walk jumps from element to element by their lengths, so its cost depends on the number of top-level elements and not
on the pixels. What it promises: if it comes to the end, the top level of the data set is whole.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from processors.dicom.errors import MalformedError, TruncatedError

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_DELIMITATION: Final = 0xFFFEE00D
_SEQUENCE_DELIMITATION: Final = 0xFFFEE0DD

_SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""VRs whose length field has 16 bits (PS3.5 table 7.1-2); all others have 32 bits (table 7.1-1)."""

MAXIMUM_INFLATED_BYTES: Final = 1 << 28


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the elements of a data set are written."""

    explicit_vr: bool = True
    little_endian: bool = True
    deflated: bool = False


_EXPLICIT_LITTLE: Final = Encoding()
_IMPLICIT_LITTLE: Final = Encoding(explicit_vr=False)
_DEFLATED: Final = Encoding(deflated=True)

_OTHER_ENCODINGS: Final = {
    "1.2.840.10008.1.2": _IMPLICIT_LITTLE,
    "1.2.840.10008.1.20": _IMPLICIT_LITTLE,  # Papyrus 3
    "1.2.840.113619.5.2": _IMPLICIT_LITTLE,  # GE private: only the pixels are big endian
    "1.2.840.10008.1.2.2": Encoding(little_endian=False),
    "1.2.840.10008.1.2.1.99": _DEFLATED,
    "1.2.840.10008.1.2.4.95": _DEFLATED,  # JPIP Referenced Deflate
    "1.2.840.10008.1.2.4.205": _DEFLATED,  # JPIP HTJ2K Referenced Deflate
}


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """How a transfer syntax writes elements; what is not listed is explicit VR little endian (PS3.5 annex A)."""
    return _OTHER_ENCODINGS.get(transfer_syntax_uid, _EXPLICIT_LITTLE)


def inflate(data: memoryview) -> memoryview:
    """The elements of a deflated data set (PS3.5 A.5).

    Raises:
        TruncatedError: the deflated stream does not come to its end.
        MalformedError: it is no deflated stream, or inflates to more than `MAXIMUM_INFLATED_BYTES`.
    """
    stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(data, MAXIMUM_INFLATED_BYTES)
    except zlib.error:
        raise MalformedError("The deflated data set cannot be inflated.") from None
    if stream.unconsumed_tail:
        raise MalformedError("The deflated data set inflates beyond the limit.")
    if not stream.eof:
        raise TruncatedError("The deflated data set ends early.")
    return memoryview(inflated)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads element headers of one byte order."""

    tag_vr_length: struct.Struct
    tag_length: struct.Struct
    length: struct.Struct

    def element(self, data: memoryview, position: int, explicit_vr: bool) -> tuple[int, bytes, int, int]:
        """Tag, VR (empty if implicit), length and start of the value of the element at `position`."""
        if not explicit_vr:
            group, number, length = self.tag_length.unpack_from(data, position)
            return group << 16 | number, b"", length, position + 8
        group, number, vr, short = self.tag_vr_length.unpack_from(data, position)
        tag = group << 16 | number
        if vr in _SHORT_VRS:
            return tag, vr, short, position + 8
        if group == 0xFFFE:  # delimiters have no VR
            return tag, b"", self.length.unpack_from(data, position + 4)[0], position + 8
        if not vr.isalpha() or not vr.isupper():
            raise MalformedError("An element has no VR.")
        return tag, vr, self.length.unpack_from(data, position + 8)[0], position + 12


_LITTLE: Final = _Reader(struct.Struct("<HH2sH"), struct.Struct("<HHI"), struct.Struct("<I"))
_BIG: Final = _Reader(struct.Struct(">HH2sH"), struct.Struct(">HHI"), struct.Struct(">I"))


def top_level_elements(data: memoryview, encoding: Encoding) -> Iterator[tuple[int, int, int]]:
    """Yield tag, start and end of the value of each top-level element; sequences are passed over whole.

    Raises:
        TruncatedError: an element reaches beyond the end of `data`, or a sequence is not closed.
        MalformedError: what stands there is no element.
    """
    reader = _LITTLE if encoding.little_endian else _BIG
    position, end = 0, len(data)
    try:
        while position < end:
            if encoding.little_endian and end - position < 8 and not any(data[position:]):
                return  # padding that some senders leave; no little endian tag that may stand here begins with zero
            tag, vr, length, start = reader.element(data, position, encoding.explicit_vr)
            if tag >> 16 in {0x0000, 0x0002, 0xFFFE}:
                raise MalformedError("A command, file meta or delimiter element stands in the data set.")
            if length == UNDEFINED_LENGTH:
                position = _end_of_sequence(data, start, reader, encoding.explicit_vr and vr != b"UN")
            else:
                position = start + length
            if position > end:
                raise TruncatedError("An element reaches beyond the end of the data set.")
            yield tag, start, position
    except struct.error:
        raise TruncatedError("The data set ends inside an element's header.") from None


def _end_of_sequence(data: memoryview, position: int, reader: _Reader, explicit_vr: bool) -> int:
    """Where a sequence (or encapsulated pixel data) of undefined length ends; a stack instead of recursion.

    The elements of a sequence written as UN with undefined length are implicit VR little endian (PS3.5 6.2.2).
    """
    items_expected, elements_expected = True, False
    stack = [(items_expected, explicit_vr, reader)]
    while stack:
        inside_sequence, explicit_vr, reader = stack[-1]
        if inside_sequence:
            group, number, length = reader.tag_length.unpack_from(data, position)
            tag, start, vr = group << 16 | number, position + 8, b""
            closing, opening = _SEQUENCE_DELIMITATION, elements_expected
            if tag not in {_ITEM, _SEQUENCE_DELIMITATION}:
                raise MalformedError("Something other than an item stands in a sequence.")
        else:
            tag, vr, length, start = reader.element(data, position, explicit_vr)
            closing, opening = _ITEM_DELIMITATION, items_expected
        if tag == closing:
            stack.pop()
            position = start
        elif length == UNDEFINED_LENGTH:
            as_un = vr == b"UN"
            stack.append((opening, explicit_vr and not as_un, _LITTLE if as_un else reader))
            position = start
        else:
            position = start + length
    return position
