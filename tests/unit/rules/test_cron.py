"""Cron's five fields, in a zone, through both changes of the clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.rules.cron import Cron


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def after(cron: str, moment: str, zone: str = "UTC") -> str:
    """The next time, as a UTC clock shows it."""
    found = Cron.parse(cron, zone).next_after(at(moment))
    assert found is not None
    return datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * * * *", "2026-05-29T12:01"),
        ("*/15 * * * *", "2026-05-29T12:15"),
        ("5/20 * * * *", "2026-05-29T12:05"),
        ("0 2 * * *", "2026-05-30T02:00"),
        ("30 11-13/2 * * *", "2026-05-29T13:30"),
        ("0 0 1,15 * *", "2026-06-01T00:00"),
        ("0 6 * * mon", "2026-06-01T06:00"),
        ("0 6 * * 7", "2026-05-31T06:00"),
        ("0 6 * * mon-fri", "2026-06-01T06:00"),
        ("0 0 13 * fri", "2026-06-05T00:00"),
        ("0 0 29 feb *", "2028-02-29T00:00"),
        ("@daily", "2026-05-30T00:00"),
        ("0 12 * * *", "2026-05-30T12:00"),
    ],
)
def test_the_next_time_after_a_friday_noon(cron, expected):
    assert after(cron, "2026-05-29T12:00") == expected


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 30 feb *", "* * 31 4,6 *", "*/0 * * * *",
     "5-1 * * * *", "a * * * *", "* mon * * *", "* * * * 8", "1,,2 * * * *", "@never", "-1 * * * *"],
)  # fmt: skip
def test_what_is_no_schedule_or_never_comes_is_refused(cron):
    with pytest.raises(ValueError, match=r"schedule|minute|hour|day|month"):
        Cron.parse(cron)


def test_an_unknown_zone_is_refused():
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="zone"):
            Cron.parse("@daily", zone)


def test_a_time_that_summer_leaves_out_falls_on_the_hour_after_it():
    """Berlin, 29 March 2026: 02:00 becomes 03:00."""
    assert after("30 2 * * *", "2026-03-28T12:00", "Europe/Berlin") == "2026-03-29T01:30"


def test_a_time_that_comes_twice_counts_once_except_where_every_hour_is_meant():
    """Berlin, 25 October 2026: 02:30 comes at 00:30 and at 01:30 UTC."""
    berlin = "Europe/Berlin"
    assert after("30 2 * * *", "2026-10-25T00:00", berlin) == "2026-10-25T00:30"
    nightly = Cron.parse("30 2 * * *", berlin)
    assert nightly.next_after(at("2026-10-25T00:30")) == at("2026-10-26T01:30")
    hourly = Cron.parse("30 * * * *", berlin)
    assert hourly.next_after(at("2026-10-25T00:30")) == at("2026-10-25T01:30")


@settings(max_examples=30)
@given(
    st.sampled_from(["*/7 * * * *", "15 3 * * *", "0 12 1 * *", "30 2 * * sun", "59 23 31 12 *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
    st.integers(1_700_000_000, 1_900_000_000),
)
def test_the_last_time_until_a_moment_and_the_next_after_it_enclose_it(cron, zone, moment):
    """And nothing lies between them: what comes after the last is the next."""
    schedule = Cron.parse(cron, zone)
    last, coming = schedule.latest_until(moment), schedule.next_after(moment)
    assert last <= moment < coming
    assert schedule.next_after(last) == coming
    assert schedule.latest_until(coming) == coming
