"""What came out, sorted by how it is compared."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from processors.deid import codes
from processors.deid.charsets import decoded
from processors.deid.parse import Element, Form, Parser

_MARKS = frozenset((0x00120062, 0x00120063, 0x00120064, 0x00280303))
_TEXT_VRS = frozenset((b"AE", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"))
_WORDS = re.compile(rb"[A-Z0-9.]+")
_LONG_NUMBER = 6
_CHARSET = 0x00080005


@dataclass(slots=True)
class Output:
    """The output's header: `raw` bytes but for what is exempt, `free` text, and values compared as elements."""

    raw: list[bytes] = field(default_factory=list)
    free: list[bytes] = field(default_factory=list)
    closed: set[bytes] = field(default_factory=set)
    numbers: set[bytes] = field(default_factory=set)
    uids: set[bytes] = field(default_factory=set)
    dates: set[tuple[int, bytes]] = field(default_factory=set)
    charset: bytes = b""

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
    output = Output()
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
        output.dates.update((tag, part.strip(b" \0")[:8]) for part in value.split(b"\\"))
    elif vr in (b"DS", b"IS"):
        terms = (part.strip(b" \0") for part in value.split(b"\\"))
        output.numbers.update(term for term in terms if len(term) >= _LONG_NUMBER)
    elif tag in vocabulary_tags:
        output.closed.update(_WORDS.findall(value.upper()))
    else:
        return vr == b"TM" or tag == codes.MEANING or tag in _MARKS
    return True
