"""What came out, sorted by how it is compared."""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from processors.deid import codes
from processors.deid.charsets import decoded
from processors.deid.known_values.spellings import LONG
from processors.deid.parse import Element, Form, Parser

_MARKS = frozenset((0x00120062, 0x00120063, 0x00120064, 0x00280303))
_TEXT_VRS = frozenset((b"AE", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"))
_BULK_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN", b"US"))
_BINARY = {b"UL": "I", b"SL": "i", b"UV": "Q", b"SV": "q", b"FD": "d"}
"""Single numbers that are large enough for an id or a date."""

_WORDS = re.compile(rb"[A-Z0-9.]+")
_LONG_NUMBER = 6
_ZONE = re.compile(rb"[+-]\d{4}$")
_CHARSET = 0x00080005


@dataclass(slots=True)
class Output:
    """The output's header: `raw` bytes but for what is exempt, `free` text, and values compared as elements.

    `bulk` are values without structure, in the `order` of bytes that numbers have.
    """

    raw: list[bytes] = field(default_factory=list)
    free: list[bytes] = field(default_factory=list)
    closed: set[bytes] = field(default_factory=set)
    numbers: set[bytes] = field(default_factory=set)
    uids: set[bytes] = field(default_factory=set)
    dates: set[tuple[int, bytes]] = field(default_factory=set)
    bulk: list[memoryview] = field(default_factory=list)
    charset: bytes = b""
    order: str = "<"

    def text(self) -> str:
        """The free text, decoded, in upper case."""
        joined = b"\n".join(self.free)
        if joined.isascii() and b"\x1b" not in joined:
            return joined.decode("ascii").upper()
        return "\n".join(decoded(value, self.charset) for value in self.free).upper()


def sorted_output(segments: Iterable[bytes], form: Form, vocabulary_tags: frozenset[int]) -> Output:
    """Take the header apart.

    Args:
        segments: the header's runs; all but the last end in the header of a bulk value.
        form: how they are encoded.
        vocabulary_tags: attributes whose words were admitted one by one.

    Raises:
        RejectedError: the output is not well-formed.
    """
    output = Output(order=form.order)
    for segment in segments:
        elements = Parser(memoryview(segment), form).parse(0, header_only=True)
        _sort(elements, segment, output, vocabulary_tags)
    return output


def _sort(elements: list[Element], segment: bytes, output: Output, vocabulary_tags: frozenset[int]) -> None:
    """Put each value where it is compared; raw bytes keep headers and all that is not exempt."""
    last = elements[0].start if elements else 0
    for tag, vr, start, value, end, items in elements:
        if items is not None:
            if tag in _MARKS:
                output.raw.append(segment[last:start])
            else:
                output.raw.append(segment[last:value])
                for item in items:
                    _sort(item, segment, output, vocabulary_tags)
            last = end
        elif _exempt(tag, vr, segment[value:end], output, vocabulary_tags):
            output.raw.append(segment[last:value])
            last = end
        elif vr in _TEXT_VRS:
            output.free.append(segment[value:end])
        elif vr in _BULK_VRS and end - value >= LONG:
            output.bulk.append(memoryview(segment)[value:end])
        elif vr in _BINARY:
            output.numbers.update(_number(vr, segment[value:end], output.order))
    if elements:
        output.raw.append(segment[last : elements[-1].end])


def _exempt(tag: int, vr: bytes, value: bytes, output: Output, vocabulary_tags: frozenset[int]) -> bool:
    """Whether a value is compared as an element, not as raw bytes; if so, put it there."""
    if vr == b"UI":
        output.uids.update(value.strip(b" \0").split(b"\\"))
    elif vr == b"CS":
        if tag == _CHARSET:
            output.charset = value
        output.closed.update(term.strip(b" \0") for term in value.upper().split(b"\\"))
    elif vr in (b"DA", b"DT"):
        parts = [part.strip(b" \0") for part in value.split(b"\\")]
        output.dates.update((tag, part[:8]) for part in parts)
        output.numbers.update(digits for part in parts for digits in _digits_beside_days(part))
    elif vr in (b"DS", b"IS"):
        terms = [term for part in value.split(b"\\") if len(term := part.strip(b" \0")) >= _LONG_NUMBER]
        output.numbers.update(terms, map(_plain, terms))
    elif tag in vocabulary_tags:
        output.closed.update(_WORDS.findall(value.upper()))
    elif vr == b"TM":
        output.numbers.update(_digits_of_times(value))
    else:
        return tag in _MARKS or (tag == codes.MEANING and value.rstrip(b" \0") in codes.meanings())
    return True


def _plain(number: bytes) -> bytes:
    """A number without sign, leading zeros and an empty fraction, which say nothing of an id."""
    whole, point, fraction = number.lstrip(b"+-").partition(b".")
    return whole.lstrip(b"0") + (point + fraction if fraction.strip(b"0") else b"")


def _number(vr: bytes, value: bytes, order: str) -> Iterator[bytes]:
    """One binary number in digits, if it is a whole one of some length."""
    form = order + _BINARY[vr]
    if len(value) == struct.calcsize(form) and (number := struct.unpack(form, value)[0]) == number // 1:
        digits = b"%d" % abs(number)
        if len(digits) >= _LONG_NUMBER:
            yield digits


def _digits_of_times(value: bytes) -> Iterator[bytes]:
    """The digits of each time, with its fraction and without: an id of six digits may be a time of day."""
    for time in value.split(b"\\"):
        whole, _, fraction = time.strip(b" \0").replace(b":", b"").partition(b".")
        for digits in {whole, whole + fraction}:
            if len(digits) >= _LONG_NUMBER:
                yield from (digits, _plain(digits))


def _digits_beside_days(part: bytes) -> Iterator[bytes]:
    """What of a date or date and time is no day: a value without one, and the time of day behind one."""
    date_time = _ZONE.sub(b"", part)
    return _digits_of_times(date_time[8:] if date_time[:8].isdigit() and len(date_time) >= 8 else date_time)
