"""Limits and hours, with a clock that the test turns."""

from datetime import UTC, datetime

import pytest

from processors.hours import Hours
from processors.pull.pace import Pace


class Clock:
    """Time that passes by sleeping."""

    def __init__(self, start: str) -> None:
        self.now = datetime.fromisoformat(f"{start}+00:00").timestamp()
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def pace(clock: Clock, **limits: object) -> Pace:
    return Pace(UTC, clock=clock, sleep=clock.sleep, **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "seconds"),
    [("21:59:30", 30), ("22:00:00", 0), ("23:59:59", 0), ("04:59:59", 0), ("05:00:00", 17 * 3600), ("12:00:00", 36000)],
)
def test_hours_may_cross_midnight(at: str, seconds: float) -> None:
    clock = Clock(f"2026-11-21T{at}")
    pace(clock, between=Hours.parse("22:00-05:00")).before_request()
    assert sum(clock.slept) == seconds


@pytest.mark.parametrize("text", ["22-05", "24:00-05:00", "22:00", "22:00-5:00", ""])
def test_hours_that_are_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM-HH:MM"):
        Hours.parse(text)


def test_the_same_hour_twice_is_the_whole_day() -> None:
    assert Hours.parse("00:00-00:00").allow(datetime(2026, 11, 21, 12, tzinfo=UTC))


def test_studies_are_asked_for_at_their_rate() -> None:
    clock = Clock("2026-11-21T12:00:00")
    limited = pace(clock, studies_per_minute=6)
    for _ in range(3):
        limited.before_study()
    assert clock.slept == [10, 10]


def test_objects_come_at_their_rate_and_a_pause_is_no_credit() -> None:
    clock = Clock("2026-11-21T12:00:00")
    limited = pace(clock, objects_per_second=10)
    limited.after_objects(100)
    assert 9 <= sum(clock.slept) <= 10
    clock.now += 3600
    limited.after_objects(100)
    assert 18 <= sum(clock.slept) <= 20
    assert limited.portion == 100


def test_without_limits_nothing_waits() -> None:
    clock = Clock("2026-11-21T12:00:00")
    free = pace(clock)
    free.before_study()
    free.after_objects(1000)
    assert (clock.slept, free.portion) == ([], None)
