"""When nothing is expected of a peer: days, every year's days, and hours of planned downtime, in the site's time.

| written | from | to |
|---|---|---|
| `2026-12-25` | that day | |
| `12-25` | that day of every year | |
| `2026-12-24/2027-01-06`, `12-24/01-06` | the first day | the last day, included |
| `2026-03-02T07:00/2026-03-02T16:30` | that minute | up to that minute |
"""

import re
from datetime import date, datetime
from typing import Annotated, Final, NamedTuple, Self

from pydantic import BeforeValidator, PlainSerializer

_DAY: Final = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")
_MINUTE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)")
_SHAPE: Final = (
    "downtime is written 2026-12-25, 12-25, 2026-12-24/2027-01-06, 12-24/01-06 or 2026-03-02T07:00/2026-03-02T16:30"
)
_OF_YEARS, _OF_DAYS, _OF_MINUTES = 2, 3, 5


class Downtime(NamedTuple):
    """From `first` to `last`: month and day of every year, or year, month and day, or these with hour and minute."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one.

        Raises:
            ValueError: it is written in another way, is no day of a calendar, or ends before it begins.
        """
        begin, slash, end = text.strip().partition("/")
        first = _moment(begin)
        last = _moment(end) if slash else first
        if len(first) != len(last) or (not slash and len(first) == _OF_MINUTES):
            raise ValueError(_SHAPE)
        found = cls(first, last)
        if len(first) != _OF_YEARS and (last < first or (len(first) == _OF_MINUTES and last == first)):
            raise ValueError("it ends before it begins")
        return found

    def covers(self, at: datetime) -> bool:
        """Whether a moment of the site's clock is in it."""
        if len(self.first) == _OF_YEARS:
            day = (at.month, at.day)
            if self.first <= self.last:
                return self.first <= day <= self.last
            return day >= self.first or day <= self.last
        if len(self.first) == _OF_DAYS:
            return self.first <= (at.year, at.month, at.day) <= self.last
        return self.first <= (at.year, at.month, at.day, at.hour, at.minute) < self.last

    def __str__(self) -> str:
        begin, end = _written(self.first), _written(self.last)
        return begin if begin == end else f"{begin}/{end}"


def _moment(text: str) -> tuple[int, ...]:
    day, minute = _DAY.fullmatch(text), _MINUTE.fullmatch(text)
    if day is None and minute is None:
        raise ValueError(_SHAPE)
    if minute is not None:
        moment = tuple(map(int, minute.groups()))
        datetime(*moment)  # type: ignore[arg-type]  # noqa: DTZ001 - for its ValueError alone
        return moment
    assert day is not None
    year, month, number = day.groups()
    date(int(year or 2024), int(month), int(number))  # 2024 had a 29th of February
    return (*([int(year)] if year else []), int(month), int(number))


def _written(moment: tuple[int, ...]) -> str:
    words = "-".join(f"{each:02d}" for each in moment[:3])
    return words if len(moment) < _OF_MINUTES else f"{words}T{moment[3]:02d}:{moment[4]:02d}"


def _read(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()  # YAML makes it of a day without quotes
    if isinstance(value, Downtime):
        return value
    if not isinstance(value, str):
        raise ValueError(_SHAPE)  # noqa: TRY004 - pydantic wants it
    return Downtime.parse(value)


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) and not isinstance(value, Downtime) else [value]


WrittenDowntime = Annotated[Downtime, BeforeValidator(_read), PlainSerializer(str)]
Downtimes = Annotated[tuple[WrittenDowntime, ...], BeforeValidator(_listed)]
"""Downtime in a settings file; one need be no list."""
