"""Values without structure, pixel data above all: is a long identifying text among their bytes?"""

import re
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

_WINDOW, _OVERLAP = 1 << 20, 256
"""Bytes looked at in one go, so that memory stays constant, and how far two windows overlap."""

_ASCII = re.compile(rb"[\x20-\x7e]{5,}")
"""A name of other letters is looked for by its plain ones, where there are enough of them."""

_TEXT_FROM = 0x2000
_VARIED = 2


def holds(views: Iterable[memoryview], needles: Iterable[bytes]) -> bool:
    """Whether any needle is in any view.

    Args:
        views: bulk values, or runs of them.
        needles: texts of five characters or more, in upper case where they are ASCII.
    """
    plain, other = _cores(frozenset(needles))
    return any(_window_holds(window, plain, other) for view in views for window in _windows(view))


@lru_cache(maxsize=256)
def _cores(needles: frozenset[bytes]) -> tuple[list[bytes], list[bytes]]:
    """What to look for: ASCII, and what has too little of it; no text of one or two letters over and over."""
    cores = {max(_ASCII.findall(needle), key=len, default=needle) for needle in needles}
    varied = [needle for needle in cores if len(set(needle)) > _VARIED]
    return [each for each in varied if each.isascii()], [each for each in varied if not each.isascii()]


def _windows(view: memoryview) -> Iterable[memoryview]:
    """A view in overlapping windows."""
    for start in range(0, len(view), _WINDOW):
        yield view[start : start + _WINDOW + _OVERLAP]


def _window_holds(window: memoryview, plain: list[bytes], other: list[bytes]) -> bool:
    sought = [*plain, *other] if plain and _may_hold_text(window) else other
    if not sought:
        return False
    content = bytes(window).upper()
    return any(needle in content for needle in sought)


def _may_hold_text(window: memoryview) -> bool:
    """False where two neighbouring bytes are never both ASCII text.

    Of any two neighbours one lies at an odd offset, and so is the high byte of a little endian word. If it is a
    printable character, the word read as a signed number is 0x2000 or more. CT and MR never are, so one pass for the
    largest value proves that there is no text at all.
    """
    words = np.frombuffer(window[: len(window) & ~1], dtype="<i2")
    return words.size == 0 or int(words.max()) >= _TEXT_FROM or len(window) & 1 == 1
