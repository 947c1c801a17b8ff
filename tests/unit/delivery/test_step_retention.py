"""What lies in the landing of performed procedure steps: how long, and what tells that landing and ledger differ."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.delivery.step_retention import sweep_steps
from processors.landing.performed_steps import KeptStep, keeping
from processors.landing.recover import recover
from processors.ledger import performed_steps
from processors.ledger.performed_steps import NewStep, StepChange
from processors.ledger.reconcile import reconcile
from tests.unit.delivery.trusted_home import TrustedHome

_DAY = 86400.0
_UID = "1.2.3"
_DEFAULT_DAYS = 365


def make(home: TrustedHome, state: str | None = "COMPLETED", uid: str = _UID) -> Path:
    """A step that names one instance, and ends now unless `state` is None; returns its file."""
    before = set(home.place.layout.performed_steps.iterdir())
    with keeping(home.place.layout) as keep:
        new = NewStep(uid, "ct1", home.association, "1.2.9", frozenset({f"{uid}.1"}))
        assert performed_steps.create(home.place.ledger, new, home.clock(), keep) == "done"
        if state is not None:
            change = StepChange(uid, "ct1", state, None)  # type: ignore[arg-type]
            assert performed_steps.change(home.place.ledger, change, home.clock(), keep) == "done"
    [file] = set(home.place.layout.performed_steps.iterdir()) - before
    os.utime(file, (home.clock(), home.clock()))
    return file


def after(home: TrustedHome, days: float) -> int:
    home.clock.now += days * _DAY
    return sweep_steps(home.place)


def gaps(home: TrustedHome) -> list[tuple[str, str]]:
    found = reconcile(home.place.layout.root, home.place.site.ledger, pause=lambda _: None).gaps
    return [(gap.subject, gap.kind) for gap in found]


@pytest.mark.parametrize("state", ["COMPLETED", "DISCONTINUED"])
def test_what_has_ended_stays_its_days_and_goes_then(home: TrustedHome, state: str) -> None:
    file = make(home, state)
    assert (after(home, _DEFAULT_DAYS - 1), file.exists()) == (0, True)
    assert (after(home, 1), file.exists()) == (1, False)
    assert gaps(home) == []
    assert home.rows("SELECT state FROM performed_steps") == [(state,)]
    assert after(home, 1) == 0


def test_a_site_says_how_many_days(make_home: Callable[..., TrustedHome]) -> None:
    home = make_home(site="retention: {performed_steps_days: 2.5}")
    make(home)
    assert (after(home, 2), after(home, 0.5)) == (0, 1)


def test_what_goes_on_stays_whatever_its_age(home: TrustedHome) -> None:
    file = make(home, None)
    assert (after(home, 10 * _DEFAULT_DAYS), file.exists()) == (0, True)


_FORGOTTEN = "DELETE FROM evidence; DELETE FROM performed_instances; DELETE FROM performed_steps"


@pytest.mark.parametrize(
    ("behind", "kind"),
    [
        (_FORGOTTEN, "step-not-in-ledger"),
        ("UPDATE performed_steps SET state = 'IN PROGRESS', ended_at = NULL", "step-differs"),
        ("DELETE FROM performed_instances", "step-differs"),
    ],
    ids=["not entered", "not ended", "other instances"],
)
def test_what_the_ledger_does_not_say_too_stays_and_is_named(home: TrustedHome, behind: str, kind: str) -> None:
    file = make(home)
    home.place.ledger.executescript(behind)
    assert (after(home, _DEFAULT_DAYS), file.exists()) == (0, True)
    assert gaps(home) == [(file.stem, kind)]


def test_the_next_start_enters_what_the_ledger_lacks_and_then_nothing_differs(home: TrustedHome) -> None:
    make(home)
    home.place.ledger.executescript(_FORGOTTEN)
    recover(home.place.layout, home.place.ledger)
    assert gaps(home) == []


def test_a_file_that_somebody_else_removed_is_missed(home: TrustedHome) -> None:
    file = make(home)
    file.unlink()
    assert gaps(home) == [(file.stem, "step-not-in-landing")]


def test_a_file_that_cannot_be_read_stays_and_is_named(home: TrustedHome) -> None:
    file = make(home)
    file.write_bytes(b"{")
    os.utime(file, (home.clock(), home.clock()))
    assert (after(home, _DEFAULT_DAYS), file.exists()) == (0, True)
    assert (file.stem, "step-unreadable") in gaps(home)


def test_what_a_refused_request_left_differs_from_nothing_and_goes_with_its_step(home: TrustedHome) -> None:
    step = KeptStep.read(make(home))
    assert step is not None
    left = step.model_copy(update={"id": "f" * 32, "state": "IN PROGRESS", "ended_at": None})
    file = home.place.layout.performed_step(left.id)
    file.write_text(left.model_dump_json())
    os.utime(file, (home.clock(), home.clock()))
    assert gaps(home) == []
    assert (after(home, _DEFAULT_DAYS), list(home.place.layout.performed_steps.iterdir())) == (2, [])


def test_one_sweep_removes_no_more_than_it_may(home: TrustedHome) -> None:
    for number in range(3):
        make(home, uid=f"1.2.{number}")
    home.clock.now += _DEFAULT_DAYS * _DAY
    assert [sweep_steps(home.place, most=2) for _ in range(3)] == [2, 1, 0]
