"""Bytes of a data set to elements, strictly: what is not well-formed is rejected, never guessed (PS3.5 7).

Values are not decoded, only located, so that whole runs of them can be copied.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from pydicom._dicom_dict import DicomDictionary

from processors.deid.reasons import Reason, RejectedError

MAX_DEPTH = 64
MAX_ELEMENTS = 1_000_000
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_GROUP = 0x7FE0

SHORT_VRS = b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
LONG_VRS = b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()
IS_LONG = {**dict.fromkeys(SHORT_VRS, False), **dict.fromkeys(LONG_VRS, True)}
"""Whether a VR has the long explicit header (PS3.5 7.1.2); a VR that is not a key is unknown."""

DICTIONARY_VR: dict[int, bytes] = {
    tag: (b"OW" if entry[0].endswith("OW") else entry[0][:2].encode()) for tag, entry in DicomDictionary.items()
}
"""PS3.6's VR of a tag; of several (US or SS, OB or OW) the one that implicit VR implies or the first."""


class Element(NamedTuple):
    """Where one element lies: header from `start`, value from `value` to `end`; `items` of a sequence or fragments."""

    tag: int
    vr: bytes
    start: int
    value: int
    end: int
    items: "list[list[Element]] | None"


@dataclass(frozen=True, slots=True)
class Form:
    """How elements are encoded: the two facts that a transfer syntax fixes outside pixel data."""

    explicit: bool
    order: str

    @property
    def big(self) -> bool:
        """Whether numbers are big endian."""
        return self.order == ">"


EXPLICIT_LITTLE = Form(explicit=True, order="<")
IMPLICIT_LITTLE = Form(explicit=False, order="<")
EXPLICIT_BIG = Form(explicit=True, order=">")


class Parser:
    """Reads one buffer in one form."""

    def __init__(self, buffer: memoryview, form: Form) -> None:
        self.buffer = buffer
        self.budget = MAX_ELEMENTS
        self._explicit_form = form.explicit
        self._header = struct.Struct(form.order + "HH2sH").unpack_from
        self._words = struct.Struct(form.order + "HHI").unpack_from
        self._long = struct.Struct(form.order + "HI").unpack_from

    def parse(self, start: int, *, header_only: bool = False) -> list[Element]:
        """All top level elements from `start` to the end of the buffer.

        With `header_only` the buffer ends in the header of pixel data, whose value lies elsewhere.

        Raises:
            RejectedError: with the code of what is not well-formed.
        """
        end = len(self.buffer)
        elements, stop = self._data_set(start, end, 0, explicit=self._explicit_form, delimited=False, cut=header_only)
        if stop != end and not header_only:
            raise RejectedError(Reason.TRUNCATED)
        return elements

    def _data_set(
        self, pos: int, end: int, depth: int, *, explicit: bool, delimited: bool, cut: bool = False
    ) -> tuple[list[Element], int]:
        """Elements from `pos` to `end`, or to the item delimiter when `delimited`; and where they stop."""
        elements: list[Element] = []
        append, header, is_long, buffer = elements.append, self._header, IS_LONG, self.buffer
        new, kind = tuple.__new__, Element  # half the time of calling Element
        last = -1
        while pos < end:
            if end - pos < 8:
                raise RejectedError(Reason.TRUNCATED)
            group, number, vr, length = header(buffer, pos)
            tag = group << 16 | number
            if tag <= last:
                raise RejectedError(Reason.DUPLICATE_TAG if tag == last else Reason.OUT_OF_ORDER)
            last = tag
            if group == 0xFFFE:
                self._spend(len(elements))
                return elements, self._item_end(pos, tag, delimited=delimited)
            if explicit:
                long = is_long.get(vr)
                value = pos + 8
                if long:
                    length, value = self._long_length(pos, end)
                elif long is None:
                    raise RejectedError(Reason.VR_UNKNOWN)
            else:
                vr, length, value = self._implicit(pos, tag)
            if cut and group == PIXEL_GROUP:
                append(Element(tag, vr, pos, value, end, None))
                return elements, end
            if vr == b"SQ" or length == UNDEFINED:
                element = self._nested(Element(tag, vr, pos, value, 0, None), length, end, depth, explicit=explicit)
                pos = element.end
                append(element)
                continue
            stop = value + length
            if stop > end:
                raise RejectedError(Reason.TRUNCATED)
            append(new(kind, (tag, vr, pos, value, stop, None)))
            pos = stop
        if delimited:
            raise RejectedError(Reason.TRUNCATED)
        self._spend(len(elements))
        return elements, pos

    def _spend(self, count: int) -> None:
        self.budget -= count
        if self.budget < 0:
            raise RejectedError(Reason.TOO_MANY_ELEMENTS)

    def _item_end(self, pos: int, tag: int, *, delimited: bool) -> int:
        length = self._words(self.buffer, pos)[2]
        if not delimited or tag != ITEM_END or length:
            raise RejectedError(Reason.ITEM_INVALID)
        return pos + 8

    def _long_length(self, pos: int, end: int) -> tuple[int, int]:
        """Length and start of a value with the long explicit header; its reserved bytes hide nothing."""
        if end - pos < 12:
            raise RejectedError(Reason.TRUNCATED)
        reserved, length = self._long(self.buffer, pos + 6)
        if reserved:
            raise RejectedError(Reason.VALUE_INVALID)
        return length, pos + 12

    def _implicit(self, pos: int, tag: int) -> tuple[bytes, int, int]:
        """VR by the dictionary, length and start of a value in implicit VR."""
        return DICTIONARY_VR.get(tag, b"UN"), self._words(self.buffer, pos)[2], pos + 8

    def _nested(self, element: Element, length: int, end: int, depth: int, *, explicit: bool) -> Element:
        """A sequence, pixel data in fragments, or a value of unknown VR and length (implicit inside, PS3.5 6.2.2)."""
        tag, vr, start, value = element[:4]
        if vr == b"SQ":
            items, stop = self.sequence(value, end, length, depth + 1, explicit=explicit)
            return Element(tag, vr, start, value, stop, items)
        if tag >> 16 == PIXEL_GROUP and vr in (b"OB", b"OW") and explicit and not depth:
            return Element(tag, vr, start, value, self._fragments(value, end), None)
        if vr == b"UN":
            inner = self if not explicit else Parser(self.buffer, IMPLICIT_LITTLE)
            inner.budget = self.budget
            _, stop = inner.sequence(value, end, length, depth + 1, explicit=False)
            self.budget = inner.budget
            return Element(tag, vr, start, value, stop, None)
        raise RejectedError(Reason.ITEM_INVALID)

    def sequence(
        self, pos: int, end: int, length: int, depth: int, *, explicit: bool
    ) -> tuple[list[list[Element]], int]:
        """The items of a sequence from `pos`, and where it ends, delimiters included."""
        if depth > MAX_DEPTH:
            raise RejectedError(Reason.TOO_DEEP)
        stop = end if length == UNDEFINED else pos + length
        if stop > end:
            raise RejectedError(Reason.TRUNCATED)
        items: list[list[Element]] = []
        while pos < stop:
            tag, size, pos = self._item_header(pos, stop)
            if tag == SEQUENCE_END and length == UNDEFINED and not size:
                return items, pos
            if tag != ITEM:
                raise RejectedError(Reason.ITEM_INVALID)
            self._spend(1)
            undefined = size == UNDEFINED
            item_end = stop if undefined else pos + size
            if item_end > stop:
                raise RejectedError(Reason.TRUNCATED)
            item, pos = self._data_set(pos, item_end, depth, explicit=explicit, delimited=undefined)
            items.append(item)
        if length == UNDEFINED:
            raise RejectedError(Reason.TRUNCATED)
        return items, pos

    def _item_header(self, pos: int, end: int) -> tuple[int, int, int]:
        if end - pos < 8:
            raise RejectedError(Reason.TRUNCATED)
        group, number, size = self._words(self.buffer, pos)
        return group << 16 | number, size, pos + 8

    def _fragments(self, pos: int, end: int) -> int:
        """Where fragments end, their delimiter included (PS3.5 A.4)."""
        while pos < end:
            tag, size, pos = self._item_header(pos, end)
            if tag == SEQUENCE_END and not size:
                return pos
            if tag != ITEM or size == UNDEFINED:
                raise RejectedError(Reason.ITEM_INVALID)
            pos += size
            self._spend(1)
        raise RejectedError(Reason.TRUNCATED)
