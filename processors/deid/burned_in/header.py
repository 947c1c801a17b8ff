"""The values of one parsed data set that pixels are understood by; the same strict parser as the walk's reads them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword

from processors.deid.charsets import decoded
from processors.deid.parse import Element, Form, Parser
from processors.deid.part10 import Part10, opened

_NUMBERS = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
_CHARSET = 0x00080005


@dataclass(frozen=True, slots=True)
class Header:
    """Elements of one place, top level or an item, by tag."""

    buffer: memoryview
    form: Form
    elements: dict[int, Element]

    def value(self, keyword: str) -> bytes:
        """A value without padding; empty when there is none."""
        element = self.elements.get(_tag(keyword))
        return bytes(self.buffer[element.value : element.end]).strip(b" \0") if element else b""

    def texts(self, keyword: str) -> tuple[str, ...]:
        """The texts of an attribute, without padding, decoded by Specific Character Set."""
        charset = self.elements.get(_CHARSET)
        written = bytes(self.buffer[charset.value : charset.end]) if charset else b""
        value = decoded(self.value(keyword), written)
        return tuple(part.strip(" \0") for part in value.split("\\")) if value else ()

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """The numbers of a binary value, or of DS and IS; empty when it holds anything else."""
        element = self.elements.get(_tag(keyword))
        if element is None:
            return ()
        code = _NUMBERS.get(element.vr)
        raw = bytes(self.buffer[element.value : element.end])
        if code:
            size = struct.calcsize(f"<{code}")
            return struct.unpack(f"{self.form.order}{len(raw) // size}{code}", raw[: len(raw) // size * size])
        try:
            return tuple(float(part) for part in raw.strip(b" \0").split(b"\\") if part.strip(b" \0"))
        except ValueError:
            return ()

    def number(self, keyword: str, default: int | None = None) -> int | None:
        """The first number of a value, as an integer."""
        found = self.numbers(keyword)
        return int(found[0]) if found and abs(found[0]) < 1 << 53 else default

    def pixel_value(self, keyword: str, *, signed: bool) -> int | None:
        """A value of VR US or SS that is in the units of pixels; its sign is theirs, whatever VR it came with."""
        element = self.elements.get(_tag(keyword))
        raw = bytes(self.buffer[element.value : element.end][:2]) if element else b""
        return int.from_bytes(raw, "big" if self.form.big else "little", signed=signed) if len(raw) == 2 else None

    def items(self, keyword: str) -> "Iterator[Header]":
        """The items of a sequence."""
        element = self.elements.get(_tag(keyword))
        for item in (element.items or ()) if element else ():
            yield Header(self.buffer, self.form, {each.tag: each for each in item})


@dataclass(frozen=True, slots=True)
class Opened:
    """A Part 10 file, its top level elements in order, and its header."""

    part: Part10
    elements: list[Element]
    header: Header

    @classmethod
    def of(cls, part10: bytes | memoryview) -> "Opened":
        """Open and parse.

        Raises:
            RejectedError: the file is not well-formed.
        """
        part = opened(memoryview(part10).cast("B"))
        elements = Parser(part.buffer, part.form).parse(part.start)
        return cls(part, elements, Header(part.buffer, part.form, {each.tag: each for each in elements}))


def _tag(keyword: str) -> int:
    return tag_for_keyword(keyword) or 0
