"""What a rule does to a value: checks before keeping, dummies, vocabulary."""

import re

from pydicom.charset import python_encoding

from processors.deid import codes
from processors.deid.plan import SPECIFIC_CHARACTER_SET
from processors.deid.words import known_words, numbers_pass

_TEXT = re.compile(rb"[\x20-\x7e]*\0?")
LEGAL: dict[bytes, re.Pattern[bytes]] = {
    b"DS": re.compile(rb"(?: *+(?:[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?)?+ *+(?:\\|\0?\Z))*"),
    b"IS": re.compile(rb"(?: *+(?:[+-]?\d{1,12})?+ *+(?:\\|\0?\Z))*"),
    b"CS": re.compile(rb"(?:[A-Z0-9_ ]{0,16}(?:\\|\0?\Z))*"),
    b"TM": re.compile(rb"(?:(?:(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)? *+(?:\\|\0?\Z))*"),
    **dict.fromkeys((b"LO", b"SH", b"ST", b"LT", b"UC", b"UT", b"AE"), _TEXT),
}
"""The form that a kept value of a VR must have; binary VRs are checked by length, and that they are no text."""

DUMMIES: dict[bytes, bytes] = {
    **dict.fromkeys((b"AE", b"CS", b"LO", b"SH", b"ST", b"LT", b"UC", b"UT", b"PN"), b"REMOVED"),
    b"AS": b"000D",
    b"DA": b"19000101",
    b"DT": b"19000101000000",
    b"TM": b"000000",
    b"DS": b"0",
    b"IS": b"0",
    b"UR": b"urn:oid:2.25.0",
    **dict.fromkeys((b"AT", b"FL", b"SL", b"UL"), bytes(4)),
    **dict.fromkeys((b"US", b"SS", b"OB", b"OW", b"UN"), bytes(2)),
    **dict.fromkeys((b"OF", b"OL"), bytes(4)),
    **dict.fromkeys((b"FD", b"OD", b"OV", b"SV", b"UV"), bytes(8)),
}
"""A value of each VR that says nothing, of an even length or one that padding makes even."""

_NUMBERS = frozenset((b"AT", b"FD", b"FL", b"SL", b"SS", b"SV", b"UL", b"US", b"UV", b"OB", b"OD", b"OF", b"OL", b"OW"))
_TEXT_IN_NUMBERS = re.compile(rb"[\x20-\x7e]{12,}\0*")
"""A dozen printable bytes and nothing else: numbers nearly never look so, text in their place always does."""

_OFFSETS = re.compile(rb"(?:.{5}\0{3})*", re.DOTALL)
"""Offsets and lengths of fragments, below a tebibyte each; text fills its bytes (PS3.3 C.7.6.3.1.8)."""

_CHARACTER_SETS = frozenset(name.encode() for name in python_encoding)
_WORDS = re.compile(rb"[A-Za-z]+")
_VOCABULARY_TEXT = re.compile(rb"[A-Za-z0-9 ,.()_/+-]{0,64}\0?")
_LONG_NUMBER = re.compile(rb"[0-9]{4}")


def legal(tag: int, vr: bytes, value: memoryview, length: int) -> bool:
    """Whether a value has the form that PS3.5 6.2 gives its VR, so that nothing else hides in it."""
    if tag == SPECIFIC_CHARACTER_SET:
        return all(part.strip(b" \0") in _CHARACTER_SETS for part in bytes(value).split(b"\\"))
    form = LEGAL.get(vr)
    if form is not None:
        return form.fullmatch(value) is not None
    if vr == b"OV":
        return _OFFSETS.fullmatch(value) is not None
    if vr in _NUMBERS and _TEXT_IN_NUMBERS.fullmatch(value):
        return False
    return not length or len(value) in (0, length)


_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_LINES = re.compile(rb"[\t\n\f\r]")
_LINES_ALLOWED = frozenset((b"ST", b"LT", b"UT"))


def retainable(vr: bytes, value: bytes) -> bool:
    """Whether text that an option retains is text, in whatever character set (PS3.5 6.1.3, 6.2)."""
    plain = value.rstrip(b" \0")
    return not _CONTROLS.search(plain) and (vr in _LINES_ALLOWED or not _LINES.search(plain))


class Vocabulary:
    """Free text that passes only if each of its words is known."""

    def __init__(self, more: tuple[str, ...]) -> None:
        self._words = codes.vocabulary() | {word.upper() for word in more}
        self._known: dict[bytes, bool] = {}

    def admits(self, value: bytes) -> bool:
        """Whether all words are known and no number, nor several in a row, are an id or a date."""
        found = self._known.get(value)
        if found is None:
            plain = _VOCABULARY_TEXT.fullmatch(value) is not None and not _LONG_NUMBER.search(value)
            plain = plain and numbers_pass(value.rstrip(b"\0").decode("ascii"))
            found = plain and all(word.decode().upper() in self._words for word in _WORDS.findall(value))
            if len(self._known) < 4096:
                self._known[value] = found
        return found

    def described(self, text: str, names: frozenset[str]) -> bytes | None:
        """The known words of a description; None when there are none, so that its row of the table holds."""
        return known_words(text, self._words, names).encode("ascii") or None
