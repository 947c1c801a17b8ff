"""The scan of the output: does anything that identifies this patient survive where it should not?

It knows nothing of rules and plans. From the original it takes names, ids, dates and UIDs; in the output's header it
looks for them as raw bytes, as words and element by element. A hit withholds the instance. So that an honest object
passes, words of closed vocabularies (CS, code meanings) are no hit for a patient called Hand, and an id of one digit
is not looked for.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from processors.deid import codes
from processors.deid.charsets import decoded, encodings
from processors.deid.parse import DICTIONARY_VR, Element, Form, Parser
from processors.deid.pseudonyms import REGISTERED

_IDS = frozenset(
    (
        0x00080050, 0x00081048, 0x00100020, 0x00100021, 0x00101000, 0x00101001, 0x00102154, 0x00102155, 0x00101040,
        0x00101050, 0x00101060, 0x00101090, 0x00102180, 0x00104000, 0x00180010, 0x00181000, 0x00200010, 0x00380010,
        0x00380060, 0x00401001, 0x00402016, 0x00402017, 0x00080080, 0x00080081, 0x00081040, 0x00081010, 0x00321033,
        0x00380300, 0x00380400, 0x00380500, 0x00400242, 0x00400243, 0x00400241, 0x00400253, 0x00400009,
    )
)  # fmt: skip
"""Attributes whose whole value names a patient, a visit, an order, a device or an institution."""

_NOT_IDS = frozenset((0x00180010, 0x00104000))
_LOOKED_AT = frozenset((b"PN", b"UI", b"DA", b"DT", b"UN", b"CS"))
_CHARSET = 0x00080005
_MARKS = frozenset((0x00120062, 0x00120063, 0x00120064, 0x00280303))
_TEXT_VRS = frozenset((b"AE", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"))
_NAME_PARTS = re.compile(r"[\^=\\,;/()\s]+")
_TOKENS = re.compile(rb"[A-Z0-9.]+")
_WORD = re.compile(r"[A-Z]+")
OUR_WORD = "REMOVED"
"""What dummies say; an object treated before may have it as a name."""

_LONG = 5
_DUMMY_DATES = frozenset((b"19000101", b"00010101"))


@dataclass(slots=True)
class Identifying:
    """What to look for. `texts` anywhere, `words` as whole words of free text, `uids` and `dates` in their elements."""

    texts: set[bytes] = field(default_factory=set)
    words: set[bytes] = field(default_factory=set)
    uids: set[bytes] = field(default_factory=set)
    dates: set[tuple[int, bytes]] = field(default_factory=set)


def identifying(
    elements: list[Element], buffer: memoryview, innocent: frozenset[str], retained: frozenset[int] = frozenset()
) -> Identifying:
    """The identifying values of an original, of all levels, but those of tags that an option retains."""
    found = Identifying()
    _collect(elements, buffer, (innocent, retained), b"", found)
    found.uids -= REGISTERED
    found.uids.discard(b"")
    return found


def _collect(
    elements: list[Element],
    buffer: memoryview,
    exempt: tuple[frozenset[str], frozenset[int]],
    charset: bytes,
    found: Identifying,
) -> None:
    """Add what identifies, with the character set that holds at each level (PS3.3 C.12.1.1.2).

    `exempt` are the words that are innocent and the tags that an option retains.
    """
    innocent, retained = exempt
    for tag, vr, _, start, end, items in elements:
        if items is not None:
            for item in items:
                _collect(item, buffer, exempt, charset, found)
        elif (vr in _LOOKED_AT or tag in _IDS) and tag not in retained:
            if tag == _CHARSET:
                charset = bytes(buffer[start:end])
            elif start != end:
                _add(tag, vr, bytes(buffer[start:end]), (charset, innocent), found)


def _add(tag: int, vr: bytes, value: bytes, reading: tuple[bytes, frozenset[str]], found: Identifying) -> None:
    """Add one value by what it is; a value of unknown VR by what the dictionary says it is.

    `reading` is the character set and the words that are innocent.
    """
    if vr == b"UN":
        vr = DICTIONARY_VR.get(tag, vr)
    if vr == b"UI":
        found.uids.update(value.strip(b" \0").split(b"\\"))
    elif vr == b"PN" or tag in _IDS:
        texts, words = _values(value, *reading, split=vr == b"PN")
        found.texts |= texts
        found.words |= words
    elif vr in (b"DA", b"DT"):
        found.dates.add((tag, value[:8]))


@lru_cache(maxsize=4096)
def _values(
    value: bytes, charset: bytes, innocent: frozenset[str], *, split: bool
) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """(texts, words) to look for of one value: a name's parts, or an id as a whole."""
    text = decoded(value, charset).strip(" \0").upper()
    parts = [part for part in (_NAME_PARTS.split(text) if split else text.split("\\")) if part]
    texts: set[bytes] = set()
    words: set[bytes] = set()
    for part in (part.strip(" \0") for part in parts):
        if part.isascii() and not any(map(str.isdigit, part)) and innocent.issuperset(_WORD.findall(part)):
            continue
        if len(part) >= _LONG and not part.isdigit():
            texts |= _spellings(part, charset)
        elif part.isdigit():
            words |= {part.encode()} if len(part) >= _LONG else set()
        elif not part.isascii():
            texts |= _spellings(part, charset) if len(part) > 1 else set()
        elif len(part) > 2 or (split and len(part) > 1):
            words.add(part.encode())
    return frozenset(texts), frozenset(words)


def _spellings(part: str, charset: bytes) -> set[bytes]:
    """The bytes that a text may have in a header: UTF-8, UTF-16, and the file's own encoding."""
    found = {part.encode(), part.encode("utf-16-le").rstrip(b"\0")}
    for encoding in encodings(charset):
        try:
            found.add(part.encode(encoding).upper())
        except (UnicodeEncodeError, LookupError):
            continue
    return found


@dataclass(slots=True)
class _Output:
    """The output's header, sorted by how it is compared."""

    raw: list[bytes] = field(default_factory=list)
    free: list[bytes] = field(default_factory=list)
    closed: set[bytes] = field(default_factory=set)
    numbers: set[bytes] = field(default_factory=set)
    uids: set[bytes] = field(default_factory=set)
    dates: set[tuple[int, bytes]] = field(default_factory=set)


def leaks(original: Identifying, segments: Iterable[bytes], form: Form, vocabulary_tags: frozenset[int]) -> bool:
    """Whether any identifying value survives in the cleaned header.

    Args:
        original: what to look for.
        segments: the header's runs; all but the last end in the header of a bulk value.
        form: how they are encoded.
        vocabulary_tags: attributes whose words were admitted one by one.
    """
    output = _Output()
    for segment in segments:
        buffer = memoryview(segment)
        _sort(Parser(buffer, form).parse(0, header_only=True), segment, output, vocabulary_tags)
    if not output.uids.isdisjoint(original.uids) or not (output.dates - _harmless(output)).isdisjoint(original.dates):
        return True
    raw = b"\0".join(output.raw).upper()
    if any(text in raw for text in original.texts):
        return True
    tokens = set(_TOKENS.findall(b" ".join(output.free).upper()))
    if not tokens.isdisjoint(original.words) or not output.numbers.isdisjoint(original.words):
        return True
    known = codes.vocabulary()
    return any(
        (term in original.texts or term in original.words) and term.decode("latin-1") not in known
        for term in output.closed
    )


def _harmless(output: _Output) -> set[tuple[int, bytes]]:
    return {pair for pair in output.dates if pair[1] in _DUMMY_DATES}


def _sort(elements: list[Element], segment: bytes, output: _Output, vocabulary_tags: frozenset[int]) -> None:
    """Put each value where it is compared; raw bytes keep headers and all that is not exempt."""
    last = elements[0].start if elements else 0
    for tag, vr, start, value, end, items in elements:
        if items is not None:
            if tag not in _MARKS:
                output.raw.append(segment[last:value])
                for item in items:
                    _sort(item, segment, output, vocabulary_tags)
            else:
                output.raw.append(segment[last:start])
            last = end
            continue
        if _exempt(tag, vr, segment[value:end], output, vocabulary_tags):
            output.raw.append(segment[last:value])
            last = end
        elif vr in _TEXT_VRS:
            output.free.append(segment[value:end])
    if elements:
        output.raw.append(segment[last : elements[-1].end])


def _exempt(tag: int, vr: bytes, value: bytes, output: _Output, vocabulary_tags: frozenset[int]) -> bool:
    """Whether a value is compared as an element, not as raw bytes; if so, put it there."""
    if vr == b"UI":
        output.uids.update(value.strip(b" \0").split(b"\\"))
    elif vr == b"CS":
        output.closed.update(term.strip(b" \0") for term in value.upper().split(b"\\"))
    elif vr in (b"DA", b"DT"):
        output.dates.add((tag, value[:8]))
    elif vr in (b"DS", b"IS"):
        output.numbers.update(term for part in value.split(b"\\") if len(term := part.strip(b" \0")) > _LONG)
    else:
        return vr == b"TM" or tag == codes.MEANING or tag in _MARKS or tag in vocabulary_tags
    return True
