"""The text of one de-identified file: each value at every depth, by attribute.

UIDs are left out, being pseudonyms of their own or registered; so are dates and times, which are as many as days, and
numbers, whose form the engine enforces. Pseudonyms of the package's patient count as one value.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from pydicom.datadict import keyword_for_tag

from processors.deid.charsets import decoded
from processors.deid.parse import Element, Parser
from processors.deid.part10 import opened

TEXT_VRS: Final = frozenset((b"AE", b"AS", b"CS", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"))
PSEUDONYM: Final = "(the patient's pseudonym)"
_CHARSET: Final = 0x00080005
_SINGLE: Final = frozenset((b"LT", b"ST", b"UR", b"UT"))
"""VRs whose backslash is a character (PS3.5 6.2)."""

Values = Counter[tuple[int, str]]
"""How often each (tag, value) occurs."""


class Text:
    """One file, located once."""

    def __init__(self, part10: bytes) -> None:
        """Locate its elements.

        Raises:
            RejectedError: it is no file that the engine would have made.
        """
        part = opened(memoryview(part10))
        self._buffer = part.buffer
        self._elements = Parser(part.buffer, part.form).parse(part.start)
        self._charset = next((self._raw(each) for each in self._elements if each.tag == _CHARSET), b"")

    def values(self, pseudonym: str) -> Values:
        """Every value of text, and how often it occurs."""
        found: Values = Counter()
        for element in _all(self._elements):
            if element.vr not in TEXT_VRS:
                continue
            text = decoded(self._raw(element), self._charset)
            for value in [text] if element.vr in _SINGLE else text.split("\\"):
                plain = value.strip(" \0")
                if plain:
                    found[element.tag, PSEUDONYM if plain == pseudonym else plain] += 1
        return found

    def first(self, tag: int) -> str:
        """The first value of a top level attribute; empty when there is none."""
        element = next((each for each in self._elements if each.tag == tag), None)
        text = decoded(self._raw(element), self._charset) if element else ""
        return text.split("\\")[0].strip(" \0")

    def _raw(self, element: Element) -> bytes:
        return bytes(self._buffer[element.value : element.end])


def called(tag: int) -> str:
    """An attribute for people: its keyword, or its number where PS3.6 has none."""
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _all(elements: list[Element]) -> Iterator[Element]:
    for element in elements:
        if element.vr == b"SQ":
            for item in element.items or ():
                yield from _all(item)
        else:
            yield element
