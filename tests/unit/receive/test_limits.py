"""Limits are written with their units, named when they are wrong, and the documentation has each of them."""

from pathlib import Path

import pytest

from processors import units
from processors.limits import ReceiverLimits, table
from processors.site import Site

DOCUMENT = Path(__file__).parents[3] / "docs" / "pressure.md"


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        (units.span, "30 s", 30.0),
        (units.span, "250ms", 0.25),
        (units.span, "5 min", 300.0),
        (units.span, "1.5 h", 5400.0),
        (units.span, 7, 7.0),
        (units.span, "7", 7.0),
        (units.size, "5 GB", 5 * 10**9),
        (units.size, "0.5 kB", 500),
        (units.size, "1024", 1024),
        (units.rate, "1 kB/s", 1000),
        (units.rate, 20, 20),
    ],
)
def test_a_value_is_read_with_its_unit(read: object, written: object, value: float) -> None:
    assert callable(read)
    assert read(written) == value


@pytest.mark.parametrize("read", [units.span, units.size, units.rate])
@pytest.mark.parametrize("written", ["", "soon", "5 parsec", "-3 s", "-3 B", True, None, [1]])
def test_what_is_no_value_is_refused(read: object, written: object) -> None:
    assert callable(read)
    with pytest.raises(ValueError, match="is a number of"):
        read(written)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("silence", "is not NAME=VALUE"),
        ("silence=soon", "silence: a time is a number of seconds"),
        ("silence=0", "silence: "),
        ("patience=3 s", "patience: .*there are associations, request"),
        ("pace=off", "pace: "),
        ("relief=1", "relief: "),
        ("associations=0", "associations: "),
    ],
)
def test_a_wrong_setting_is_named(setting: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ReceiverLimits.of([setting])


def test_the_command_line_wins_over_the_sites_file(tmp_path: Path) -> None:
    (tmp_path / "sluice.yaml").write_text("limits: {silence: 30 min, backlog_bytes: 5 GB, backlog_objects: off}\n")
    limits = ReceiverLimits.of(["silence=2 h", "backlog_bytes=off"], Site.load(tmp_path).limits)
    assert (limits.silence, limits.backlog_bytes, limits.backlog_objects) == (7200.0, None, None)
    assert limits.request == ReceiverLimits().request


def test_each_value_is_said_as_it_may_be_written() -> None:
    rows = {name: value for name, value, _ in ReceiverLimits.of(["backlog_bytes=2.5 TB", "look=250 ms"]).rows()}
    again = ReceiverLimits.of([f"{name}={value}" for name, value in rows.items()])
    assert (again.backlog_bytes, again.look, again.pace) == (25 * 10**11, 0.25, 1000)


def test_the_documentation_has_the_table_of_the_code() -> None:
    assert table() in DOCUMENT.read_text("utf-8")
