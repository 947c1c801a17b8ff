"""What somebody outside noticed lets the rules fire that it concerns, once."""

import secrets

import pytest
from pydantic import ValidationError

from handoff.errors import ConflictError
from handoff.rules.signals import take_signal
from handoff.schemas.rules import SignalRequest
from tests.unit.rules.site import rule


def signal(kind: str = "drift", **facts) -> SignalRequest:
    said = {"verdict": "drift"} if kind == "drift" else {}
    given = {"id": secrets.token_hex(16), "project": "lungs", "kind": kind, "name": "watcher", **said, **facts}
    return SignalRequest.model_validate(given)


def send(here, said: SignalRequest) -> bool:
    with here.database.write() as session:
        return take_signal(session, here.settings, said, "a person", here.now)


@pytest.fixture
def drifting(site):
    here = site(retrain=rule("drift", then=None), worse=rule("metric", name="dice", below=0.8, then=None))
    here.close_study("1.1")
    return here


@pytest.mark.parametrize(
    ("said", "fired"),
    [
        (signal(), 1),
        (signal(verdict="suspected"), 0),
        (signal(project="heart"), 0),
        (signal("metric", name="dice", value=0.79), 1),
        (signal("metric", name="dice", value=0.8), 0),
        (signal("metric", name="auc", value=0.1), 0),
    ],
    ids=["drift", "no certain drift", "of another project", "beyond its bound", "at its bound", "another metric"],
)
def test_a_signal_lets_those_rules_fire_that_it_concerns(drifting, said, fired):
    send(drifting, said)
    drifting.look()
    assert drifting.firings() == [("fired", None)] * fired


def test_a_signal_that_is_sent_again_fires_nothing_again(drifting):
    said = signal()
    assert (send(drifting, said), send(drifting, said)) == (True, False)
    drifting.look()
    assert drifting.runs() == {"prepare": 1}
    with pytest.raises(ConflictError, match="another signal"):
        send(drifting, said.model_copy(update={"verdict": "none"}))


def test_a_rule_about_one_model_hears_only_of_that(site):
    here = site(retrain=rule("drift", then=None))
    rules = here.settings.projects["lungs"].rules
    when = rules["retrain"].when.model_copy(update={"model": "unet:2"})
    rules["retrain"] = rules["retrain"].model_copy(update={"when": when})
    for model in (None, "unet:1", "unet:2"):
        send(here, signal(model=model))
    assert len(here.firings()) == 1


def test_signals_beyond_the_most_of_a_day_are_skipped(site):
    here = site(retrain=rule("drift", then=None, at_most_per_day=1))
    here.close_study("1.1")
    for _ in range(2):
        send(here, signal())
        here.look()
    assert here.firings() == [("fired", None), ("skipped", "daily-limit")]


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "drift", "value": 1.0},
        {"kind": "drift", "verdict": None},
        {"kind": "metric"},
        {"kind": "metric", "value": "inf"},
    ],
)
def test_a_signal_says_what_its_kind_says(facts):
    with pytest.raises(ValidationError):
        signal(**facts)
