"""The first letters of an id instead of all."""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Protocol

SHORT = 12
"""Letters of an id that a table shows."""
_LETTERS = re.compile(r"[0-9a-f]{4,64}")


class Identified(Protocol):
    """What a list has."""

    @property
    def id(self) -> str:
        """The whole id."""


class UnclearIdError(Exception):
    """These letters name nothing, or more than one thing."""

    remedy = "`list` shows what there is; give more letters of the id."


def whole(given: str, length: int, starting: Callable[[str], Iterable[Identified]]) -> str:
    """The id that was meant.

    Args:
        given: all of it, or its first letters, at least four.
        length: of a whole id.
        starting: lists what starts with these letters.

    Raises:
        UnclearIdError: nothing starts so, or more than one thing.
    """
    if len(given) == length:
        return given
    found = [item.id for item in islice(starting(given), 2)] if _LETTERS.fullmatch(given) else []
    if len(found) != 1:
        raise UnclearIdError("More than one id starts so." if found else "No id starts so.")
    return found[0]


def short(identifier: str | None) -> str:
    """What a table shows of an id."""
    return (identifier or "")[:SHORT]
