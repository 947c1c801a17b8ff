"""Times of day by cron's five fields, in a zone: minute, hour, day of month, month, day of week.

As in cron: when both days are restricted, either suffices. A time that the change to summer time leaves out falls on
the hour after it; one that comes twice counts once, except where every hour is meant.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NAMED = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
_WORDS = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "day of week": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_PART = re.compile(r"(?:\*|(?P<first>[a-z0-9]+)(?:-(?P<last>[a-z0-9]+))?)(?:/(?P<step>[0-9]{1,4}))?", re.ASCII)
_FURTHEST_DAYS = 366 * 8 + 31
"""29 February is at most eight years away."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule; `parse` makes it."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> "Cron":
        """Read five fields, or @hourly, @daily, @weekly, @monthly.

        Raises:
            ValueError: it is no schedule, no zone, or a day that no calendar has.
        """
        fields = _NAMED.get(text.strip(), text).lower().split()
        if len(fields) != len(_FIELDS):
            message = "a schedule has five fields: minute, hour, day of month, month, day of week"
            raise ValueError(message)
        values = [_values(field, *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)]
        weekdays = frozenset(day % 7 for day in values[4])
        either = not fields[2].startswith("*") and not fields[4].startswith("*")
        try:
            place = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            message = "the zone is none of the time zone database"
            raise ValueError(message) from error
        cron = cls(values[0], values[1], values[2], values[3], weekdays, either, place)
        if cron.next_after(0.0) is None:
            message = "the schedule names a day that no calendar has"
            raise ValueError(message)
        return cron

    def next_after(self, now: float) -> float | None:
        """The first time after `now` (UTC seconds); None when there is none."""
        start = self._local_day(now) - timedelta(days=1)
        for ahead in range(_FURTHEST_DAYS):
            later = [slot for slot in self._slots(start + timedelta(days=ahead)) if slot > now]
            if later:
                return min(later)
        return None

    def latest_until(self, now: float) -> float:
        """The last time until `now`, `now` included (UTC seconds)."""
        start = self._local_day(now) + timedelta(days=1)
        for back in range(_FURTHEST_DAYS):
            earlier = [slot for slot in self._slots(start - timedelta(days=back)) if slot <= now]
            if earlier:
                return max(earlier)
        raise AssertionError  # `parse` found one in every eight years

    def _local_day(self, now: float) -> date:
        return datetime.fromtimestamp(now, self.zone).date()

    def _slots(self, day: date) -> Iterator[float]:
        """Each time of one local day."""
        if not self._falls_on(day):
            return
        folds = (0, 1) if len(self.hours) == 24 else (0,)
        for hour in self.hours:
            for minute in self.minutes:
                yield from {
                    datetime.combine(day, time(hour, minute, fold=fold), self.zone).astimezone(UTC).timestamp()
                    for fold in folds
                }

    def _falls_on(self, day: date) -> bool:
        by_date, by_weekday = day.day in self.days, (day.isoweekday() % 7) in self.weekdays
        falls = by_date or by_weekday if self.either_day else by_date and by_weekday
        return day.month in self.months and falls


def _values(field: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            message = f"the {name} is no number, range or list"
            raise ValueError(message)
        first = _number(match["first"], name, lowest)
        last = _number(match["last"], name, first if match["first"] and not match["step"] else highest)
        step = int(match["step"] or 1)
        if not lowest <= first <= last <= highest or not step:
            message = f"the {name} is not within {lowest} to {highest}"
            raise ValueError(message)
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str | None, name: str, otherwise: int) -> int:
    if text is None:
        return otherwise
    words = _WORDS.get(name, [])
    if text in words:
        return words.index(text) + (name == "month")
    if not text.isdecimal():
        message = f"the {name} is no number, range or list"
        raise ValueError(message)
    return int(text)
