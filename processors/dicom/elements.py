"""Walk the elements of an encoded data set while it comes, without decoding a value (PS3.5 section 7).

The walk jumps from element to element by their lengths, so its cost depends on the number of elements and not on the
pixels, and its memory on neither. What it promises: if it comes to the end, the top level of the data set is whole.
"""

import struct
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from processors.dicom.errors import MalformedError, TruncatedError

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_DELIMITATION: Final = 0xFFFEE00D
_SEQUENCE_DELIMITATION: Final = 0xFFFEE0DD

_NOT_HERE: Final = frozenset((0x0000, 0x0002, 0xFFFE))
"""Groups of commands, file meta and delimiters."""

_LONGEST_HEAD: Final = 12

SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""VRs whose length field has 16 bits (PS3.5 table 7.1-2); all others have 32 bits (table 7.1-1)."""

MAXIMUM_VALUE_BYTES: Final = 65536
"""Of a value that is sought; explicit VR could not make those longer."""

MAXIMUM_LEVELS: Final = 4096
"""Of sequences and items of undefined length inside one another; each is remembered until it ends."""


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


@dataclass(frozen=True, slots=True)
class Reader:
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
        if vr in SHORT_VRS:
            return tag, vr, short, position + 8
        if group == 0xFFFE:  # delimiters have no VR
            return tag, b"", self.length.unpack_from(data, position + 4)[0], position + 8
        if not vr.isalpha() or not vr.isupper():
            raise MalformedError("An element has no VR.")
        return tag, vr, self.length.unpack_from(data, position + 8)[0], position + 12


_LITTLE: Final = Reader(struct.Struct("<HH2sH"), struct.Struct("<HHI"), struct.Struct("<I"))
_BIG: Final = Reader(struct.Struct(">HH2sH"), struct.Struct(">HHI"), struct.Struct(">I"))


def reader_of(encoding: Encoding) -> Reader:
    """Who reads the headers of what is not deflated, or is inflated already."""
    return _LITTLE if encoding.little_endian else _BIG


@dataclass(frozen=True, slots=True)
class _Level:
    """A sequence or item of undefined length that is open."""

    in_sequence: bool
    explicit_vr: bool
    reader: Reader


class ElementWalk:
    """Takes a data set piece by piece, and keeps the values of some top-level elements.

    The elements of a sequence written as UN with undefined length are implicit VR little endian (PS3.5 6.2.2). Levels
    are on a stack, and it has an end: nobody can send a recursion, or memory that grows with the object.
    """

    def __init__(self, encoding: Encoding, sought: Container[int]) -> None:
        """Begin.

        Args:
            encoding: How the elements are written.
            sought: Tags (group << 16 | element) whose values are kept.
        """
        self.found: dict[int, bytes] = {}
        self._encoding = encoding
        self._reader = reader_of(encoding)
        self._sought = sought
        self._levels: list[_Level] = []
        self._head = b""
        self._left = 0
        self._tag = 0
        self._value: bytearray | None = None

    def feed(self, data: memoryview) -> None:
        """The next bytes.

        Raises:
            MalformedError: what stands there is no element.
        """
        position, end = 0, len(data)
        while True:
            if self._left or self._value is not None:
                position = self._pass(data, position, end)
                if self._left:
                    return
            if not self._levels and not self._head:
                position = self._stride(data, position, end)
            if position == end:
                return
            begin = len(self._head)
            head = data if not begin else memoryview(self._head + data[position : position + _LONGEST_HEAD - begin])
            try:
                length = self._next(head, 0 if begin else position)
            except struct.error:
                self._head += bytes(data[position:])
                return
            position += length - begin
            self._head = b""

    def finish(self) -> None:
        """No more bytes come.

        Raises:
            TruncatedError: an element reaches beyond the end, or a sequence is not closed.
        """
        if self._left or self._levels:
            raise TruncatedError("An element reaches beyond the end of the data set.")
        # Padding that some senders leave; no little endian tag that may stand here begins with zero.
        if self._head and (not self._encoding.little_endian or len(self._head) >= 8 or any(self._head)):
            raise TruncatedError("The data set ends inside an element's header.")

    def _stride(self, data: memoryview, position: int, end: int) -> int:
        """Pass over the plain top-level elements that lie here whole; returns where something else begins, or nothing.

        What it stops at is looked at by `_next`, which would come to the same for all of them, in five calls each.
        """
        reader, sought, explicit_vr = self._reader, self._sought, self._encoding.explicit_vr
        last = end - _LONGEST_HEAD
        while position <= last:
            if explicit_vr:
                group, number, vr, length = reader.tag_vr_length.unpack_from(data, position)
                begin = position + 8
                if vr not in SHORT_VRS:
                    if not vr.isalpha() or not vr.isupper():
                        break
                    (length,) = reader.length.unpack_from(data, begin)
                    begin += 4
            else:
                group, number, length = reader.tag_length.unpack_from(data, position)
                begin = position + 8
            following = begin + length
            if following > end or group in _NOT_HERE:
                break
            tag = group << 16 | number
            if tag in sought:
                if length > MAXIMUM_VALUE_BYTES:
                    break
                self.found[tag] = bytes(data[begin:following])
            position = following
        return position

    def _pass(self, data: memoryview, position: int, end: int) -> int:
        """Pass over a value, or keep it; returns where what follows begins in `data`."""
        following = min(position + self._left, end)
        if self._value is not None:
            self._value += data[position:following]
        self._left -= following - position
        if self._value is not None and not self._left:
            self.found[self._tag] = bytes(self._value)
            self._value = None
        return following

    def _next(self, data: memoryview, position: int) -> int:
        """Read the header at `position` and act on it; returns its length in bytes.

        Raises:
            struct.error: it is not all there.
        """
        if not self._levels:
            start = self._top_level(data, position)
        elif self._levels[-1].in_sequence:
            start = self._in_sequence(data, position)
        else:
            start = self._in_item(data, position)
        return start - position

    def _top_level(self, data: memoryview, position: int) -> int:
        tag, vr, length, start = self._reader.element(data, position, self._encoding.explicit_vr)
        if tag >> 16 in _NOT_HERE:
            raise MalformedError("A command, file meta or delimiter element stands in the data set.")
        if tag in self._sought:
            if length > MAXIMUM_VALUE_BYTES:
                raise MalformedError("An identifier or fact is longer than any is.")
            self._tag, self._value = tag, bytearray()
        if length == UNDEFINED_LENGTH:
            self._open_sequence(vr=vr, explicit_vr=self._encoding.explicit_vr, reader=self._reader)
        else:
            self._left = length
        return start

    def _in_sequence(self, data: memoryview, position: int) -> int:
        level = self._levels[-1]
        group, number, length = level.reader.tag_length.unpack_from(data, position)
        tag = group << 16 | number
        if tag == _SEQUENCE_DELIMITATION:
            self._levels.pop()
        elif tag != _ITEM:
            raise MalformedError("Something other than an item stands in a sequence.")
        elif length == UNDEFINED_LENGTH:
            self._levels.append(_Level(False, level.explicit_vr, level.reader))
        else:
            self._left = length
        return position + 8

    def _in_item(self, data: memoryview, position: int) -> int:
        level = self._levels[-1]
        tag, vr, length, start = level.reader.element(data, position, level.explicit_vr)
        if tag == _ITEM_DELIMITATION:
            self._levels.pop()
        elif length == UNDEFINED_LENGTH:
            self._open_sequence(vr=vr, explicit_vr=level.explicit_vr, reader=level.reader)
        else:
            self._left = length
        return start

    def _open_sequence(self, *, vr: bytes, explicit_vr: bool, reader: Reader) -> None:
        if len(self._levels) >= MAXIMUM_LEVELS:
            raise MalformedError("Sequences are nested deeper than any are.")
        as_un = vr == b"UN"
        self._levels.append(_Level(True, explicit_vr and not as_un, _LITTLE if as_un else reader))
