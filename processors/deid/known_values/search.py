"""The comparison: does anything that identifies survive where it should not?

So that an honest object passes, terms of closed vocabularies (CS, code meanings) are no hit for a patient called Hand,
a word of the vocabulary is none for a name inside it (Stand in STANDARD), and an id of one digit is not looked for.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

from processors.deid import terms
from processors.deid.known_values import bulk
from processors.deid.known_values.collect import Identifying
from processors.deid.known_values.mentions import in_numbers, mentioned
from processors.deid.known_values.output import Output, sorted_output
from processors.deid.known_values.spellings import LONG, squeezed
from processors.deid.parse import Form

_TOKENS = re.compile(rb"[A-Z0-9.]+")
_CODED, _LETTERS, _DIGITS = re.compile(rb"[A-Z0-9]+"), re.compile(rb"[A-Z]+"), re.compile(rb"[0-9]{5,}")
_UID = re.compile(rb"[0-2]\.[0-9.]{6,62}")
_DUMMY_DATES = frozenset((b"19000101", b"00010101"))
_SQUEEZED_FROM, _CLOSED_FROM = 6, 3


def survive(
    original: Identifying,
    segments: Sequence[bytes | memoryview],
    form: Form,
    vocabulary_tags: frozenset[int],
    days: int,
) -> bool:
    """Whether any identifying value survives in the output.

    Args:
        original: what to look for.
        segments: the output's data set: `bytes` of the header, and views of bulk values between them.
        form: how it is encoded.
        vocabulary_tags: attributes whose words were admitted one by one.
        days: by how many days dates were moved, so that a moved date is no hit for another day of the original.

    Raises:
        RejectedError: the output is not well-formed.
    """
    header = [segment for segment in segments if isinstance(segment, bytes)]
    output = sorted_output(header, form, vocabulary_tags)
    raw = b"\0".join(output.raw)
    return (
        dates_survive(original.dates, output, days)
        or uids_survive(original.uids, output, raw)
        or texts_survive(original, output, raw.upper())
        or bulk.holds((segment for segment in segments if isinstance(segment, memoryview)), long_texts(original))
    )


def long_texts(original: Identifying) -> frozenset[bytes]:
    """What is looked for in bulk values too."""
    return frozenset(text for text in original.texts | original.words if len(text) >= LONG and b"\0" not in text)


def dates_survive(original: set[tuple[int, bytes]], output: Output, days: int) -> bool:
    """Whether a day of the original stands in its own element, in another one, in free text, a term or a number."""
    if any(pair in original for pair in output.dates if pair[1] not in _DUMMY_DATES):
        return True
    known = {day for _, day in original}
    moved = {_moved(day, days) for day in known}
    unexplained = known - moved - _DUMMY_DATES
    return (
        any(day in unexplained for _, day in output.dates)
        or not unexplained.isdisjoint(mentioned(output.text()))
        or not unexplained.isdisjoint(mentioned(_lines(output.closed)))
        or not unexplained.isdisjoint(in_numbers(_lines(output.numbers)))
    )


def _lines(values: set[bytes]) -> str:
    return "\n".join(value.decode("latin-1") for value in sorted(values))


@lru_cache(maxsize=4096)
def _moved(day: bytes, days: int) -> bytes:
    try:
        then = date(int(day[:4]), int(day[4:6]), int(day[6:8])) + timedelta(days=days)
    except (ValueError, OverflowError):
        return b""
    return then.strftime("%Y%m%d").encode()


def uids_survive(original: set[bytes], output: Output, raw: bytes) -> bool:
    """Whether a UID of the original stands in an element of UIDs, or written out anywhere else."""
    return not output.uids.isdisjoint(original) or not original.isdisjoint(
        found.strip(b".") for found in _UID.findall(raw)
    )


def texts_survive(original: Identifying, output: Output, raw: bytes) -> bool:
    """Whether a name or id stands in raw bytes, as a word of free text, as a number or as a coded string."""
    if any(text in raw and _stands_alone(text, raw) for text in original.texts):
        return True
    free = b"\n".join(output.free).upper()
    words = original.words
    tokens = {*_TOKENS.findall(free), *(digits.lstrip(b"0") for digits in _DIGITS.findall(free))}
    shorts = {short for text in original.texts if (short := _squeezable(text))}
    known = original.texts | words | shorts
    if not words.isdisjoint(tokens) or not known.isdisjoint(output.numbers):
        return True
    if any(not known.isdisjoint(_parts(term)) for term in output.closed):
        return True
    pressed = squeezed(free)
    if pressed and any(short in pressed for short in shorts):
        return True
    return bool(output.bulk) and bulk.holds(output.bulk, long_texts(original))


@lru_cache(maxsize=4096)
def _parts(term: bytes) -> frozenset[bytes]:
    """What of a coded string may name someone: all of it, its words, its letters, it in one; nothing that is known."""
    found = {term, squeezed(term), *_CODED.findall(term), *_LETTERS.findall(term)}
    known = terms.words()
    return frozenset(part for part in found if len(part) >= _CLOSED_FROM and part.decode("latin-1") not in known)


@lru_cache(maxsize=4096)
def _squeezable(text: bytes) -> bytes:
    """A text without its punctuation, if it has any and is long enough without."""
    short = b"" if b"\0" in text else squeezed(text)
    return short if len(short) >= _SQUEEZED_FROM and short != text else b""


def _stands_alone(text: bytes, raw: bytes) -> bool:
    """Whether a text occurs other than inside a longer word of the vocabulary."""
    if not text.isalpha():
        return True
    known = terms.words()
    at = raw.find(text)
    while at >= 0:
        begin, end = at, at + len(text)
        while begin and raw[begin - 1 : begin].isalpha():
            begin -= 1
        while raw[end : end + 1].isalpha():
            end += 1
        if end - begin == len(text) or raw[begin:end].decode("latin-1") not in known:
            return True
        at = raw.find(text, at + 1)
    return False
