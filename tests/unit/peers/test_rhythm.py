"""What a peer's rhythm is, and when its silence is too long: no clock but the one that is given."""

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ledger.rhythm import QUARTER_SECONDS, Week, exceeded_at, learn, weight
from tests.performance.modality_years import MODALITIES, Life, live

UTC_ZONE, VIENNA = ZoneInfo("UTC"), ZoneInfo("Europe/Vienna")
MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) // QUARTER_SECONDS
DAY, WEEK = 96, 7 * 96


def office(weeks: int, *, without: tuple[int, ...] = (), each: int = 2) -> set[int]:
    """Quarters of weekdays from 8 to 16 h UTC, every other one; `without` are days counted from the first Monday."""
    days = [day for day in range(7 * weeks) if day % 7 < 5 and day not in without]
    return {MONDAY + day * DAY + quarter for day in days for quarter in range(32, 64, each)}


def test_the_likelihood_of_an_hour_is_the_share_of_its_quarters_that_were_heard() -> None:
    rhythm = learn(office(4), Week(UTC_ZONE))
    assert rhythm.likely[8] == rhythm.likely[3 * 24 + 15] == 0.5
    assert rhythm.likely[7] == rhythm.likely[16] == rhythm.likely[5 * 24 + 10] == 0.0
    assert (rhythm.weeks, rhythm.heard, rhythm.is_learned) == (4, 320, True)


def test_a_night_and_a_weekend_weigh_nothing() -> None:
    week = Week(UTC_ZONE)
    rhythm = learn(office(4), week)
    friday_evening, monday_morning = MONDAY + 4 * DAY + 64, MONDAY + 7 * DAY + 32
    assert weight(rhythm, friday_evening, monday_morning, week) == 0.0
    assert exceeded_at(rhythm, friday_evening, monday_morning, week) is None
    assert weight(rhythm, monday_morning, monday_morning + 8, week) == 4.0


def test_what_is_planned_weighs_nothing_and_teaches_nothing() -> None:
    week = Week(UTC_ZONE)
    planned = range(MONDAY + 28 * DAY, MONDAY + 29 * DAY)
    rhythm = learn(office(4), week, planned.__contains__)
    assert weight(rhythm, planned[0], planned[-1] + 1, week, planned.__contains__) == 0.0
    assert weight(rhythm, planned[0], planned[-1] + 1, week) == 16.0
    assert learn(office(5), week, planned.__contains__).heard == len(office(5).difference(planned))


@pytest.mark.parametrize("without", [(9,), (7, 8, 9, 10, 11), (3, 17)], ids=["a holiday", "a week off", "two days"])
def test_holidays_and_failures_of_a_day_change_nothing(without: tuple[int, ...]) -> None:
    usual, with_gaps = learn(office(8), Week(UTC_ZONE)), learn(office(8, without=without), Week(UTC_ZONE))
    # Not equal: what was learned ends with the last quarter heard, in the middle of an hour.
    assert with_gaps.likely == pytest.approx(usual.likely, abs=0.03)
    assert with_gaps.limit == pytest.approx(usual.limit, rel=0.01)


def test_one_failure_in_the_middle_of_a_day_does_not_move_the_limit() -> None:
    dice_like = {q for q in office(8, each=1) if q % 5 not in {1, 2} and q % 7}
    broken = dice_like - set(range(MONDAY + 22 * DAY + 44, MONDAY + 22 * DAY + 64))
    usual, after = learn(dice_like, Week(UTC_ZONE)), learn(broken, Week(UTC_ZONE))
    assert after.limit < 1.15 * usual.limit


@pytest.mark.parametrize(
    "heard", [set(), office(2), set(sorted(office(8, each=31))[:39])], ids=["none", "two weeks", "too few"]
)
def test_little_is_no_rhythm(heard: set[int]) -> None:
    assert not learn(heard, Week(UTC_ZONE)).is_learned


def test_what_has_been_twice_is_usual() -> None:
    """A steady sender that now and then misses a quarter, and twice in four weeks missed twenty."""
    missed = {MONDAY + number * 44 for number in range(60)}
    missed |= {MONDAY + day * DAY + quarter for day in (8, 19) for quarter in range(40, 60)}
    rhythm = learn(set(range(MONDAY, MONDAY + 4 * WEEK)) - missed, Week(UTC_ZONE))
    assert rhythm.limit > 20 * 0.7, "in seven of ten such hours something came"


def test_what_has_been_silent_for_long_does_not_become_the_rule() -> None:
    """Learning ends with the last sign, not now: after half a year it is still silent, since the same moment."""
    week = Week(UTC_ZONE)
    rhythm = learn(office(8), week)
    last = max(office(8))
    early = exceeded_at(rhythm, last + 1, last + WEEK, week)
    assert early is not None
    assert exceeded_at(rhythm, last + 1, last + 26 * WEEK, week) == early


def test_weeks_without_anything_are_skipped() -> None:
    pause = 5 * WEEK
    before, after = office(4), {quarter + pause + 4 * WEEK for quarter in office(4)}
    rhythm = learn(before | after, Week(UTC_ZONE))
    assert rhythm.weeks == 8
    assert rhythm.likely[8] == 0.5


def test_the_hours_are_those_of_the_wall_also_when_clocks_change() -> None:
    """Work at 8 to 16 h in Vienna, before and after the last Sunday of March."""
    week, first = Week(VIENNA), date(2026, 3, 2)
    heard = set()
    for number in range(56):
        day = first + timedelta(number)
        begin = datetime(day.year, day.month, day.day, 8, tzinfo=VIENNA).timestamp()
        if day.weekday() < 5:
            heard |= {int(begin // QUARTER_SECONDS) + quarter for quarter in range(32)}
    rhythm = learn(heard, week)
    assert rhythm.likely[8] == rhythm.likely[15] == 1.0
    assert rhythm.likely[7] == rhythm.likely[16] == 0.0


QUARTERS = st.sets(st.integers(MONDAY, MONDAY + 3 * WEEK), max_size=300)


@settings(max_examples=30, deadline=None)
@given(QUARTERS, st.integers(0, 3 * WEEK), st.integers(0, 400), st.integers(0, 400))
def test_weights_add_up_and_only_grow(heard: set[int], first: int, one: int, two: int) -> None:
    week = Week(VIENNA)
    rhythm, begin = learn(heard, week), MONDAY + first
    parts = weight(rhythm, begin, begin + one, week) + weight(rhythm, begin + one, begin + one + two, week)
    assert math.isclose(parts, weight(rhythm, begin, begin + one + two, week), abs_tol=1e-9)
    assert all(0 <= likely <= 1 for likely in rhythm.likely)
    over = exceeded_at(rhythm, begin, begin + one + two, week)
    if over is None:
        assert weight(rhythm, begin, begin + one + two, week) <= rhythm.limit + 1e-9
    else:
        assert weight(rhythm, begin, over, week) > rhythm.limit >= weight(rhythm, begin, over - 1, week) - 1e-9


@settings(max_examples=30, deadline=None)
@given(QUARTERS)
def test_a_silence_as_long_as_the_second_longest_that_was_is_no_alarm(heard: set[int]) -> None:
    week = Week(UTC_ZONE)
    rhythm = learn(heard, week)
    ordered = sorted(heard)
    silences = sorted(weight(rhythm, one + 1, two, week) for one, two in pairwise(ordered))
    # A day that was left out does not count in what was learned, so only whole pasts can be compared.
    if rhythm.heard == len(heard) and len(silences) > 1:
        assert silences[-2] <= rhythm.limit + 1e-9


# A year of invented modalities; `python -m tests.performance.modality_years` has more of them


@pytest.mark.parametrize(
    ("name", "most_false", "most_hours"),
    [("CT, day and night", 2, 9.0), ("MR, weekdays", 1, 6.0), ("mammography, two days a week", 2, 4.0)],
)
def test_a_year_has_few_false_alarms_and_a_failure_is_seen_within_hours_of_work(
    name: str, most_false: int, most_hours: float
) -> None:
    [modality] = [each for each in MODALITIES if each.name == name]
    found = live(Life(modality, 0, knows_holidays=True), learn_each_days=14)
    assert found.false_alarms <= most_false
    assert found.learned_days == 378, "27 times 14 days"
    assert len(found.worked) == 6, "each failure is seen"
    assert max(found.worked) <= most_hours


def test_holidays_that_nobody_planned_are_alarms() -> None:
    """The price of not saying when one rests; the picture shows why."""
    [modality] = [each for each in MODALITIES if each.name == "MR, weekdays"]
    assert live(Life(modality, 0, knows_holidays=False), failures=0, learn_each_days=14).false_alarms >= 8
