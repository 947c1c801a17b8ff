"""Private attributes that an option retains (PS3.15 E.3.10): numbers of known creators, from `safe-private.csv`.

The list holds the numeric ones of Table E.3.10-1 for images that pass. They are known by creator, group and element,
never by a tag alone, since blocks are given out anew in each data set (PS3.5 7.8.1).
"""

import csv
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

from processors.deid.actions import legal
from processors.deid.parse import Element

_SIZES = {b"US": 2, b"SS": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"FD": 8}
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF
_LONGEST = 128
"""Bytes of a value; none of the list comes near."""


class SafeElement(NamedTuple):
    """One entry of the list: `element` is the number within the creator's block."""

    creator: bytes
    group: int
    element: int
    vr: bytes
    meaning: str


@lru_cache(maxsize=1)
def safe_elements() -> tuple[SafeElement, ...]:
    """The whole list, in its order."""
    text = resources.files("processors.deid.data").joinpath("safe-private.csv").read_text("ascii")
    return tuple(
        SafeElement(
            line["creator"].encode(),
            int(line["group"], 16),
            int(line["element"], 16),
            line["vr"].encode(),
            line["meaning"],
        )
        for line in csv.DictReader(text.splitlines())
    )


@lru_cache(maxsize=1)
def _known() -> dict[tuple[bytes, int, int], bytes]:
    return {(each.creator, each.group, each.element): each.vr for each in safe_elements()}


def safe(elements: list[Element], buffer: memoryview, *, big: bool) -> frozenset[int]:
    """The private tags of one data set or item that stay: listed numbers of legal form, and the creators of these.

    Args:
        elements: of one level.
        buffer: that they lie in.
        big: whether numbers are big endian; a value of unknown VR never is (PS3.5 6.2.2), so there it goes.
    """
    private = [each for each in elements if each.tag >> 16 & 1]
    creators = {
        (each.tag >> 16, each.tag & 0xFFFF): bytes(buffer[each.value : each.end]).strip(b" \0")
        for each in private
        if _FIRST_BLOCK <= each.tag & 0xFFFF <= _LAST_BLOCK and each.vr in (b"LO", b"UN")
    }
    stay: set[int] = set()
    for each in private:
        group, number = each.tag >> 16, each.tag & 0xFFFF
        vr = _known().get((creators.get((group, number >> 8), b""), group, number & 0xFF))
        if vr and number >> 8 and _is_number(each, vr, buffer[each.value : each.end], big=big):
            stay |= {each.tag, group << 16 | number >> 8}
    return frozenset(stay)


def _is_number(element: Element, vr: bytes, value: memoryview, *, big: bool) -> bool:
    """Whether the element has the VR of the list, or an unknown one, and a value of its form."""
    if element.items is not None or element.vr not in (vr, b"UN") or (big and element.vr == b"UN"):
        return False
    size = _SIZES.get(vr, 2)
    return 0 < len(value) <= _LONGEST and not len(value) % size and legal(element.tag, vr, value, 0)
