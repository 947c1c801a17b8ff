"""Dates in free text, whatever their spelling, as the set of days that they may mean."""

import re
from datetime import date
from functools import lru_cache

_NUMBERS = re.compile(r"(?<!\d)(?=(\d{1,4})[-./_:, ]{1,3}(\d{1,2})[-./_:, ]{1,3}(\d{1,4})(?!\d))")
"""Looked ahead, so that a number before a date does not swallow its day."""

_COMPACT = re.compile(r"(?<!\d)(\d{8})(?:\d{2}){0,3}(?!\d)")
_SHORT = re.compile(r"(?<!\d)(\d\d)(\d\d)(\d\d)(?!\d)")
_DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:ST|ND|RD|TH)?[.\-/_ ]{0,3}(?:OF |DE )?([A-ZÄÉÛ]{3,9})"
    r"[.,\-/_ ]{0,3}(?:DEL? )?(\d{4}|\d{2})(?!\d)"
)
_MONTH_FIRST = re.compile(r"([A-ZÄÉÛ]{3,9})[.\-/_ ]{0,3}(\d{1,2})(?:ST|ND|RD|TH)?[.,\-/_ ]{1,3}(\d{4}|\d{2})(?!\d)")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})[.,\-/_ ]{0,3}([A-ZÄÉÛ]{3,9})[.\-/_ ]{0,3}(\d{1,2})(?!\d)")
_MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "JAN JANV GEN ENE", "FEB FEV FÉV", "MAR MÄR MRZ", "APR AVR ABR", "MAY MAI MAG", "JUN JUIN GIU",
            "JUL JUIL LUG", "AUG AOU AOÛ AGO", "SEP SET", "OCT OKT OTT", "NOV", "DEC DEZ DÉC DIC",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_CENTURIES = (1900, 2000)


@lru_cache(maxsize=256)
def mentioned(text: str) -> frozenset[bytes]:
    """Every day (YYYYMMDD) that a text may mention, read year first, day first and month first; series repeat texts.

    Args:
        text: in upper case.
    """
    if not any(map(str.isdigit, text)):
        return frozenset()
    found: set[bytes] = set()
    for one, two, three in _NUMBERS.findall(text):
        for year, month, day in ((one, two, three), (three, two, one), (three, one, two)):
            found |= _days(year, int(month), int(day))
    for one, two, three in _SHORT.findall(text):
        for year, month, day in ((one, two, three), (three, two, one), (three, one, two)):
            found |= _days(year, int(month), int(day))
    found |= in_numbers(text)
    for day, name, year in _DAY_FIRST.findall(text):
        found |= _days(year, _month(name), int(day))
    for name, day, year in _MONTH_FIRST.findall(text):
        found |= _days(year, _month(name), int(day))
    for year, name, day in _YEAR_FIRST.findall(text):
        found |= _days(year, _month(name), int(day))
    return frozenset(found)


def in_numbers(text: str) -> set[bytes]:
    """Every day that eight digits may mean, by themselves or before a time of day, in the same readings."""
    found: set[bytes] = set()
    for digits in _COMPACT.findall(text):
        for year, month, day in (
            (digits[:4], digits[4:6], digits[6:]),
            (digits[4:], digits[2:4], digits[:2]),
            (digits[4:], digits[:2], digits[2:4]),
        ):
            found |= _days(year, int(month), int(day))
    return found


def _month(name: str) -> int:
    """A month's number by its first letters in English, German, French, Italian or Spanish; 0 if it is none."""
    return _MONTHS.get(name[:4]) or _MONTHS.get(name[:3], 0)


def _days(year: str, month: int, day: int) -> set[bytes]:
    """The days of a year of four digits, or of two in either century; none where there is no such day."""
    found = set()
    years = (int(year),) if len(year) == len("2024") else tuple(each + int(year) for each in _CENTURIES)
    for each in years if len(year) in (2, 4) else ():
        try:
            found.add(date(each, month, day).strftime("%Y%m%d").encode())
        except ValueError:
            continue
    return found
