"""Dates in free text, whatever their spelling, as the set of days that they may mean."""

import re
import unicodedata
from datetime import date, timedelta
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
_ROMAN = r"(X[I]{0,2}|IX|IV|V?I{1,3}|V)"
_ROMAN_DAY_FIRST = re.compile(rf"(?<!\d)(\d{{1,2}})[.\-/_ ]{{0,3}}{_ROMAN}[.\-/_ ]{{0,3}}(\d{{4}}|\d{{2}})(?!\d)")
_ROMAN_YEAR_FIRST = re.compile(rf"(?<!\d)(\d{{4}})[.\-/_ ]{{0,3}}{_ROMAN}[.\-/_ ]{{0,3}}(\d{{1,2}})(?!\d)")
_ROMANS = dict(
    zip(("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"), range(1, 13), strict=True)
)
"""Months of many European hands."""

_DAY_OF_YEAR = re.compile(r"(?<!\d)(\d{4})[.\-/_: ]{0,3}([0-3]\d\d)(?!\d)")
_DAY_BEFORE_YEAR = re.compile(r"(?<!\d)([0-3]\d\d)[.\-/_: ]{1,3}(\d{4})(?!\d)")
_SHORT_DAY_OF_YEAR = re.compile(r"(?<!\d)(\d\d)[\-/]?([0-3]\d\d)(?!\d)")
"""ISO 8601 ordinal dates, and as labels have them."""

_WEEK = re.compile(r"(?<!\d)(\d{4})-?W([0-5]\d)-?([1-7])(?!\d)")
_MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "JAN JANV GEN ENE", "FEB FEV FÉV", "MAR MÄR MRZ MRT", "APR AVR ABR", "MAY MAI MAG MEI MAJ", "JUN JUIN GIU",
            "JUL JUIL LUG", "AUG AOU AOÛ AGO", "SEP SET", "OCT OKT OTT OUT", "NOV", "DEC DEZ DÉC DIC",
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
    text = text if text.isascii() else unicodedata.normalize("NFKC", text).upper()
    found: set[bytes] = set()
    for one, two, three in _NUMBERS.findall(text):
        for year, month, day in ((one, two, three), (three, two, one), (three, one, two)):
            found |= _days(year, int(month), int(day))
    for one, two, three in _SHORT.findall(text):
        for year, month, day in ((one, two, three), (three, two, one), (three, one, two)):
            found |= _days(year, int(month), int(day))
    found |= in_numbers(text)
    found |= _seldom(text)
    for day, name, year in _DAY_FIRST.findall(text):
        found |= _days(year, _month(name), int(day))
    for name, day, year in _MONTH_FIRST.findall(text):
        found |= _days(year, _month(name), int(day))
    for year, name, day in _YEAR_FIRST.findall(text):
        found |= _days(year, _month(name), int(day))
    return frozenset(found)


def _seldom(text: str) -> set[bytes]:
    """Every day by Roman months, by the day of its year, or by its week."""
    found: set[bytes] = set()
    for day, roman, year in _ROMAN_DAY_FIRST.findall(text):
        found |= _days(year, _ROMANS[roman], int(day))
    for year, roman, day in _ROMAN_YEAR_FIRST.findall(text):
        found |= _days(year, _ROMANS[roman], int(day))
    for day, year in _DAY_BEFORE_YEAR.findall(text):
        found |= _of_year(year, int(day))
    for year, day in _SHORT_DAY_OF_YEAR.findall(text):
        found |= _of_year(year, int(day))
    for year, week, weekday in _WEEK.findall(text):
        found |= _of_week(int(year), int(week), int(weekday))
    return found


def in_numbers(text: str) -> set[bytes]:
    """Every day that eight digits may mean, by themselves or before a time of day; of seven, by the day of a year."""
    found: set[bytes] = set()
    for digits in _COMPACT.findall(text):
        for year, month, day in (
            (digits[:4], digits[4:6], digits[6:]),
            (digits[4:], digits[2:4], digits[:2]),
            (digits[4:], digits[:2], digits[2:4]),
        ):
            found |= _days(year, int(month), int(day))
    for year, number in _DAY_OF_YEAR.findall(text):
        found |= _of_year(year, int(number))
    return found


def _month(name: str) -> int:
    """A month's number by its first letters in English, German, French, Italian or Spanish; 0 if it is none."""
    return _MONTHS.get(name[:4]) or _MONTHS.get(name[:3], 0)


def _days(year: str, month: int, day: int) -> set[bytes]:
    """The days of a year of four digits, or of two in either century; none where there is no such day."""
    found = set()
    for each in _years(year):
        try:
            found.add(date(each, month, day).strftime("%Y%m%d").encode())
        except ValueError:
            continue
    return found


def _years(year: str) -> tuple[int, ...]:
    """A year of four digits, or of two in either century."""
    if len(year) == len("2024"):
        return (int(year),)
    return tuple(each + int(year) for each in _CENTURIES) if len(year) == 2 else ()


def _of_year(year: str, number: int) -> set[bytes]:
    """The days that are the so-many-th of a year."""
    found = set()
    for each in _years(year) if number else ():
        try:
            day = date(each, 1, 1) + timedelta(days=number - 1)
        except (ValueError, OverflowError):
            continue
        if day.year == each:
            found.add(day.strftime("%Y%m%d").encode())
    return found


def _of_week(year: int, week: int, weekday: int) -> set[bytes]:
    """The day of an ISO 8601 week date."""
    try:
        return {date.fromisocalendar(year, week, weekday).strftime("%Y%m%d").encode()}
    except ValueError:
        return set()
