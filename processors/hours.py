"""Hours of the day in which something may be done, as `22:00-05:00`; they may cross midnight."""

import re
from datetime import datetime, time, timedelta
from typing import Annotated, NamedTuple, Self

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class Hours(NamedTuple):
    """From `start`, up to `end`; the same time twice means the whole day."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HH:MM-HH:MM`.

        Raises:
            ValueError: it is written in another way.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            raise ValueError("hours are written HH:MM-HH:MM, as 22:00-05:00")
        hour, minute, end_hour, end_minute = map(int, found.groups())
        return cls(time(hour, minute), time(end_hour, end_minute))

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def allow(self, now: datetime) -> bool:
        """Whether the wall clock of `now` is within these hours."""
        at = now.time().replace(tzinfo=None)
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def seconds_until(self, now: datetime) -> float:
        """How long until they allow; 0 while they do."""
        if self.allow(now):
            return 0.0
        opens = datetime.combine(now.date(), self.start, now.tzinfo)
        if opens < now:
            opens += timedelta(days=1)
        return (opens - now).total_seconds()


def _read(written: object) -> object:
    return Hours.parse(written) if isinstance(written, str) else written


WrittenHours = Annotated[Hours, BeforeValidator(_read)]
"""Hours in a settings file."""
