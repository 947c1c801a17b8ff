"""Dates moved by whole days (PS3.15 E.3.6, modified dates); what is no complete date becomes None."""

import re
from datetime import date, timedelta
from functools import lru_cache

_OLD_DATE = re.compile(rb"(\d{4})\.(\d{2})\.(\d{2})")
_DATE_TIME = re.compile(rb"(\d{8})((?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?)")

_MONTH = re.compile(rb"\d{4}(?:0[1-9]|1[0-2])?(?:[+-]\d{4})?")
"""A DT that names no day: no number of days moves it, but none leaves it as it is."""


def shifted(vr: bytes, value: bytes, days: int) -> bytes | None:
    """A DA or DT value, of any multiplicity, moved by `days`; None when any part is no complete date."""
    move = _date if vr == b"DA" else _date_time
    parts = [move(part.strip(b" \0"), days) for part in value.split(b"\\")]
    return None if None in parts else b"\\".join(part for part in parts if part is not None)


@lru_cache(maxsize=4096)
def _date(value: bytes, days: int) -> bytes | None:
    if not value:
        return b""
    if old := _OLD_DATE.fullmatch(value):
        value = b"".join(old.groups())
    if len(value) != 8 or not value.isdigit():
        return None
    try:
        moved = date(int(value[:4]), int(value[4:6]), int(value[6:])) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return b"%04d%02d%02d" % (moved.year, moved.month, moved.day)


def _date_time(value: bytes, days: int) -> bytes | None:
    if not value:
        return b""
    if not days and _MONTH.fullmatch(value):
        return value
    found = _DATE_TIME.fullmatch(value)
    day = _date(found.group(1), days) if found else None
    return day + found.group(2) if found and day else None
