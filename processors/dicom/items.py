"""Values of a whole data set and of the items of one of its sequences, in one pass over its headers (PS3.5 section 7).

For data sets from outside that are in memory: the cost is linear in their length, whatever they nest, and nothing but
what is sought is kept. No value is decoded, so that none can be quoted by a warning.
"""

import struct
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from processors.dicom.elements import UNDEFINED_LENGTH, Encoding, Reader, reader_of
from processors.dicom.errors import MalformedError, TruncatedError

_ITEM: Final = 0xFFFEE000
_ITEM_DELIMITATION: Final = 0xFFFEE00D
_SEQUENCE_DELIMITATION: Final = 0xFFFEE0DD
_LITTLE: Final = Encoding(explicit_vr=False)


@dataclass(slots=True, repr=False)
class Values:
    """What was found, by tag (group << 16 | element). PHI: it has no revealing repr."""

    top: dict[int, bytes] = field(default_factory=dict)
    items: list[dict[int, bytes]] = field(default_factory=list)
    """Of each item of the sequence, in order."""

    def __repr__(self) -> str:
        return f"Values({len(self.items)})"


@dataclass(slots=True)
class _Level:
    """A sequence or an item that is open."""

    in_sequence: bool
    end: int | None
    """Where it ends in the data set; None if a delimiter says so."""
    reader: Reader
    explicit_vr: bool
    kept: dict[int, bytes] | None = None
    """Takes the sought values of an item."""
    is_wanted: bool = False
    """Whether it is the sequence."""


def values(data_set: bytes, encoding: Encoding, sequence: int, sought: Container[int]) -> Values:
    """Read a data set.

    Args:
        data_set: All of it, not deflated.
        encoding: How its elements are written.
        sequence: Tag of the top-level sequence whose items are looked into.
        sought: Tags whose values are kept, of the top level and of those items.

    Raises:
        MalformedError: what stands there is no element, or reaches beyond what it is in.
        TruncatedError: the data set ends inside something.
    """
    found = Values()
    data = memoryview(data_set)
    levels = [_Level(False, len(data), reader_of(encoding), encoding.explicit_vr, found.top)]
    position = 0
    try:
        while levels:
            level = levels[-1]
            if level.end is not None and position >= level.end:
                if position > level.end:
                    raise MalformedError("An element reaches beyond what it is in.")
                levels.pop()
            elif level.in_sequence:
                position = _in_sequence(data, position, levels, found)
            else:
                position = _in_item(data, position, levels, sequence, sought)
    except struct.error as error:
        raise TruncatedError("The data set ends inside an element's header.") from error
    return found


def _in_sequence(data: memoryview, position: int, levels: list[_Level], found: Values) -> int:
    level = levels[-1]
    group, number, length = level.reader.tag_length.unpack_from(data, position)
    tag: int = group << 16 | number
    start = position + 8
    if tag == _SEQUENCE_DELIMITATION and level.end is None:
        levels.pop()
        return start
    if tag != _ITEM:
        raise MalformedError("Something other than an item stands in a sequence.")
    if length != UNDEFINED_LENGTH and not level.is_wanted:
        return start + int(length)
    kept: dict[int, bytes] | None = None
    if level.is_wanted:
        found.items.append(kept := {})
    levels.append(_Level(False, _end(start, length, data), level.reader, level.explicit_vr, kept))
    return start


def _in_item(data: memoryview, position: int, levels: list[_Level], sequence: int, sought: Container[int]) -> int:
    level = levels[-1]
    tag, vr, length, start = level.reader.element(data, position, level.explicit_vr)
    if tag == _ITEM_DELIMITATION and level.end is None:
        levels.pop()
        return start
    is_wanted = tag == sequence and len(levels) == 1
    if length == UNDEFINED_LENGTH or is_wanted:
        as_un = vr == b"UN"  # implicit VR little endian (PS3.5 6.2.2)
        reader = reader_of(_LITTLE) if as_un else level.reader
        explicit_vr = level.explicit_vr and not as_un
        levels.append(_Level(True, _end(start, length, data), reader, explicit_vr, is_wanted=is_wanted))
        return start
    if start + length > len(data):
        raise TruncatedError("An element reaches beyond the end of the data set.")
    if level.kept is not None and tag in sought:
        level.kept[tag] = bytes(data[start : start + length])
    return start + length


def _end(start: int, length: int, data: memoryview) -> int | None:
    if length == UNDEFINED_LENGTH:
        return None
    if start + length > len(data):
        raise TruncatedError("A sequence or item reaches beyond the end of the data set.")
    return start + length
