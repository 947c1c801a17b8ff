"""Times of a schedule: each once, whatever the clock does."""

import pytest

from tests.unit.rules.site import rule

HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def nightly(site):
    """A rule for two o'clock, looked at once at noon, as when the service first starts with it."""
    here = site(nightly=rule("schedule", cron="0 2 * * *", then=None))
    here.close_study("1.1")
    here.keep = here.keeper()
    here.look(here.keep)
    assert (here.runs(), here.firings()) == ({}, [("skipped", "before-the-rule")])
    return here


def later(here, seconds: float, keeper=None) -> list[str]:
    """The states of all firings but the first, so many seconds later."""
    here.now += seconds
    here.look(keeper or here.keep)
    return [state for state, _ in here.firings()[1:]]


def test_a_schedule_fires_once_at_its_time(nightly):
    assert later(nightly, 13 * HOUR) == []
    assert later(nightly, 1 * HOUR) == ["fired"]
    assert later(nightly, 1 * HOUR) == ["fired"]
    assert nightly.runs() == {"prepare": 1}


def test_a_night_without_anything_new_is_the_same_decision_and_runs_nothing(nightly):
    later(nightly, DAY)
    later(nightly, DAY)
    assert nightly.firings()[1:] == [("fired", None), ("fired", "already-ran")]
    assert nightly.runs() == {"prepare": 1}


def test_of_missed_times_the_last_one_is_made_up_for(nightly):
    assert later(nightly, 5 * DAY, keeper=nightly.keeper()) == ["fired"]


def test_replicas_and_restarts_make_no_second_firing_of_one_time(nightly):
    later(nightly, DAY)
    for _ in range(3):
        assert later(nightly, 1, keeper=nightly.keeper()) == ["fired"]


def test_a_clock_that_is_put_back_shows_no_time_twice(nightly):
    assert later(nightly, DAY) == ["fired"]
    assert later(nightly, -DAY) == ["fired"]
    assert later(nightly, DAY) == ["fired"]
    assert later(nightly, DAY) == ["fired", "fired"]


@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "while it is down"])
def test_a_clock_that_was_a_year_ahead_stops_no_schedule(nightly, restarted):
    """One firing for the year that never was; then the nights go on, each once."""
    assert later(nightly, 365 * DAY) == ["fired"]
    keeper = nightly.keeper() if restarted else nightly.keep
    assert later(nightly, -364 * DAY, keeper) == ["fired", "skipped"]
    assert later(nightly, DAY, keeper) == ["fired", "skipped", "fired"]
    assert later(nightly, DAY, keeper) == ["fired", "skipped", "fired", "fired"]


def test_a_schedule_that_is_worded_anew_begins_with_times_to_come(nightly):
    rules = nightly.settings.projects["lungs"].rules
    when = rules["nightly"].when.model_copy(update={"cron": "0 9 * * *"})
    rules["nightly"] = rules["nightly"].model_copy(update={"when": when})
    assert later(nightly, 1, keeper=nightly.keeper()) == ["skipped"]


def test_times_beyond_the_most_of_a_day_are_skipped(site):
    here = site(hourly=rule("schedule", cron="@hourly", then=None, at_most_per_day=2))
    here.close_study("1.1")
    keeper = here.keeper()
    for hour in range(4):
        here.look(keeper)
        here.now += HOUR
        here.close_study(f"1.{hour + 2}")
    assert here.firings() == [("skipped", "before-the-rule"), *[("fired", None)] * 2, ("skipped", "daily-limit")]


def test_a_schedule_without_a_study_starts_nothing(site):
    here = site(nightly=rule("schedule", cron="0 2 * * *"))
    keeper = here.keeper()
    here.look(keeper)
    here.now += DAY
    here.look(keeper)
    assert here.firings()[1:] == [("skipped", "batch-empty")]
