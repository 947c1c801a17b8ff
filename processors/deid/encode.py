"""Elements that we write ourselves, in the form of the data set around them (PS3.5 7.1)."""

import struct

from processors.deid.parse import IS_LONG, ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Form
from processors.deid.reasons import Reason, RejectedError

_LONGEST = 0xFFFE
"""Bytes of a value whose length has two bytes, and is even (PS3.5 7.1.2)."""

_NUL_PADDED = (b"UI", b"OB", b"UN")


class Encoder:
    """Writes headers, values and sequences in one form; sequences and items always have undefined length."""

    def __init__(self, form: Form) -> None:
        self._explicit = form.explicit
        self._short = struct.Struct(form.order + "HH2sH").pack
        self._long = struct.Struct(form.order + "HH2sHI").pack
        self._implicit = struct.Struct(form.order + "HHI").pack
        self.item = self._implicit(ITEM >> 16, ITEM & 0xFFFF, UNDEFINED)
        self.item_end = self._implicit(ITEM_END >> 16, ITEM_END & 0xFFFF, 0)
        self.sequence_end = self._implicit(SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0)

    def header(self, tag: int, vr: bytes, length: int) -> bytes:
        """Tag, VR where the form is explicit, and length.

        Raises:
            RejectedError: this VR has no room for the length.
        """
        group, number = tag >> 16, tag & 0xFFFF
        if not self._explicit:
            return self._implicit(group, number, length)
        if IS_LONG[vr]:
            return self._long(group, number, vr, 0, length)
        if length > _LONGEST:
            raise RejectedError(Reason.VALUE_TOO_LONG)
        return self._short(group, number, vr, length)

    def element(self, tag: int, vr: bytes, value: bytes) -> bytes:
        """One element, its value padded to even length (PS3.5 6.2)."""
        if len(value) & 1:
            value += b"\0" if vr in _NUL_PADDED else b" "
        return self.header(tag, vr, len(value)) + value

    def sequence(self, tag: int, items: list[list[tuple[int, bytes, bytes]]]) -> bytes:
        """A sequence of items of plain elements."""
        inner = (self.item + b"".join(self.element(*each) for each in item) + self.item_end for item in items)
        return self.header(tag, b"SQ", UNDEFINED) + b"".join(inner) + self.sequence_end
