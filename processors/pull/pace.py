"""How fast, and when: a PACS serves the hospital first."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from processors.hours import Hours

PORTION_SECONDS: Final = 10.0
"""With a limit by objects, one request asks for what the limit allows in so long a time."""


@dataclass(slots=True)
class Pace:
    """Waits as long as the limits say; `tell` hears why, when it takes longer than a moment."""

    zone: tzinfo
    between: Hours | None = None
    studies_per_minute: float | None = None
    objects_per_second: float | None = None
    tell: Callable[[str, float], None] = lambda why, seconds: None  # noqa: ARG005
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    _next_study: float = field(default=0.0, init=False)
    _next_object: float = field(default=0.0, init=False)

    @property
    def portion(self) -> int | None:
        """Most objects of one request; None for no limit."""
        return max(1, int(self.objects_per_second * PORTION_SECONDS)) if self.objects_per_second else None

    def before_request(self) -> None:
        """Wait for the allowed hours."""
        if self.between is not None:
            now = datetime.fromtimestamp(self.clock(), self.zone)
            if seconds := self.between.seconds_until(now):
                self.tell(
                    f"outside the hours {self.between}; goes on at {now + timedelta(seconds=seconds):%H:%M}", seconds
                )
                self.sleep(seconds)

    def before_study(self) -> None:
        """Wait for the next study's turn."""
        self.before_request()
        if self.studies_per_minute:
            self._wait_until(self._next_study)
            self._next_study = self.clock() + 60.0 / self.studies_per_minute

    def after_objects(self, count: int) -> None:
        """Wait until so many objects more are within the limit."""
        if self.objects_per_second and count:
            start = max(self._next_object, self.clock() - 1.0)
            self._next_object = start + count / self.objects_per_second
            self._wait_until(self._next_object)

    def _wait_until(self, moment: float) -> None:
        seconds = moment - self.clock()
        if seconds > 0:
            if seconds > PORTION_SECONDS:
                self.tell("the limit of studies or objects", seconds)
            self.sleep(seconds)
