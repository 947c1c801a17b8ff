"""What a profile's options make of the rows of Table E.1-1: K and C, by VR (PS3.15 E.3)."""

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from processors.deid import options
from processors.deid.action import Action
from processors.deid.options import Option
from processors.deid.table_e1_1 import Row, table

if TYPE_CHECKING:
    from processors.deid.profile import Profile

TEXT = frozenset((b"AE", b"LO", b"LT", b"SH", b"ST", b"UC", b"UT"))
_NUMBERS_AND_TERMS = frozenset(
    (b"CS", b"DS", b"IS", b"US", b"SS", b"UL", b"SL", b"FL", b"FD", b"AT", b"UV", b"SV"),
)
_DATES = (b"DA", b"DT")
_TIME = b"TM"


class Choice(NamedTuple):
    """The action that an option asks for, and the option."""

    action: Action
    option: Option


def choice(row: Row, vr: bytes, profile: "Profile") -> Choice | None:
    """What the profile's options make of a row; None where the basic profile holds.

    Dates follow the choice of dates alone, also those of devices: a calibration on the day of the examination would
    tell by how much that day was shifted.
    """
    if vr in (*_DATES, _TIME):
        return _dated(row, vr, profile)
    for option in profile.options:
        letter = row.options.get(option.column)
        action = _kept(vr) if letter == "K" else _cleaned(vr, option) if letter == "C" else None
        if action is not None:
            return Choice(action, option)
    return None


_BY_DAYS = (options.FULL_DATES, options.MODIFIED_DATES)
_NO_VALUES = (options.UIDS, *_BY_DAYS)
"""Options whose values are compared as what they are, dates and UIDs."""


@lru_cache(maxsize=32)
def retained(chosen: tuple[Option, ...]) -> frozenset[int]:
    """The tags whose values `chosen` options retain (K), dates and UIDs apart.

    To find them in the output is no leak. Codes in such a sequence stay, local ones too.
    """
    columns = [each.column for each in chosen if each not in _NO_VALUES]
    return frozenset(tag for tag, row in table().items() if any(row.options.get(column) == "K" for column in columns))


@lru_cache(maxsize=32)
def described(chosen: tuple[Option, ...]) -> frozenset[int]:
    """The tags whose text passes word by word under `chosen` options (C)."""
    columns = [each.column for each in chosen if each not in _BY_DAYS]
    return frozenset(tag for tag, row in table().items() if any(row.options.get(column) == "C" for column in columns))


def _dated(row: Row, vr: bytes, profile: "Profile") -> Choice | None:
    option = options.DATES.get(profile.dates)
    if option is None or option.column not in row.options:
        return None
    return Choice(Action.SHIFT if vr in _DATES else Action.KEEP, option)


def _kept(vr: bytes) -> Action | None:
    """K: unchanged, sequences cleaned. Bulk values are never retained: nobody can say what is in them."""
    if vr == b"SQ":
        return Action.RECURSE
    if vr == b"UI":
        return Action.RETAIN_UID
    if vr == b"AS":
        return Action.AGE
    if vr in TEXT:
        return Action.RETAIN
    return Action.KEEP if vr in _NUMBERS_AND_TERMS else None


def _cleaned(vr: bytes, option: Option) -> Action | None:
    """C: text word by word, sequences item by item. The time zone, which the dates' option cleans, goes."""
    if option in _BY_DAYS or option is options.GRAPHICS:
        return None  # what is drawn goes with all that draws: `drawings`
    if vr == b"SQ":
        return Action.RECURSE
    return Action.DESCRIBE if vr in TEXT or vr == b"CS" else None
