"""Planned downtime in the peers file: what may be written, and which moments of the site's clock it covers."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.downtime import Downtime
from processors.errors import PeersFileError
from processors.peers import Peers


@pytest.mark.parametrize(
    ("written", "covered", "free"),
    [
        ("2026-12-25", ["2026-12-25T00:00", "2026-12-25T23:59"], ["2026-12-24T23:59", "2026-12-26", "2027-12-25"]),
        ("12-25", ["2026-12-25T12:00", "2031-12-25T12:00"], ["2026-12-26"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
        ("2026-12-24/2027-01-06", ["2026-12-24", "2027-01-06T23:59"], ["2026-12-23T23:59", "2027-01-07"]),
        ("12-24/01-06", ["2026-12-31", "2027-01-06", "2027-12-24"], ["2027-01-07", "2026-12-23"]),
        ("2026-03-02T07:00/2026-03-02T16:30", ["2026-03-02T07:00", "2026-03-02T16:29"], ["2026-03-02T16:30"]),
    ],
)
def test_downtime_covers_what_is_written(written: str, covered: list[str], free: list[str]) -> None:
    downtime = Downtime.parse(written)
    assert str(downtime) == written
    assert [downtime.covers(datetime.fromisoformat(each)) for each in covered] == [True] * len(covered)
    assert [downtime.covers(datetime.fromisoformat(each)) for each in free] == [False] * len(free)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 400), st.integers(-500, 500))
def test_a_range_covers_the_days_between_its_ends(first: date, days: int, at: int) -> None:
    last, day = first + timedelta(days), first + timedelta(at)
    downtime = Downtime.parse(f"{first}/{last}")
    assert downtime.covers(datetime.combine(day, time(12))) == (first <= day <= last)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("2026-13-01", "month must be in 1..12"),
        ("2026-12-24/01-06", "downtime is written"),
        ("2026-12-26/2026-12-24", "it ends before it begins"),
        ("2026-03-02T07:00", "downtime is written"),
        ("Christmas", "downtime is written"),
        ("7", "downtime is written"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(written: str, why: str) -> None:
    text = f"peers:\n  ct1:\n    sends:\n      ae_titles: CT1\n      quiet:\n        - 12-25\n        - {written}\n"
    with pytest.raises(PeersFileError, match=rf"line 7, peers\.ct1\.sends\.quiet\.1: .*{why}"):
        Peers.parse(text, "peers.yaml")


def test_a_day_needs_no_quotes_and_one_needs_no_list() -> None:
    file = Peers.parse(
        "receiver: {quiet: [2026-12-25, 01-06]}\n"
        "peers: {ct1: {sends: {ae_titles: CT1, quiet: 2026-05-01, expects: none}}}",
        "peers.yaml",
    )
    assert list(map(str, file.receiver.quiet)) == ["2026-12-25", "01-06"]
    sends = file.senders["ct1"].sends
    assert (list(map(str, sends.quiet)), sends.expects) == (["2026-05-01"], "none")
    assert file.senders["ct1"].model_dump(mode="json")["sends"]["quiet"] == ["2026-05-01"]
