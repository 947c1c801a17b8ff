"""A rule that can never start a run is an error at the start; one that lacks something here says what."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from handoff.access.principal import Principal
from handoff.errors import StartError
from handoff.rules.check import impossible, require_possible
from handoff.rules.show import show_rule
from handoff.settings import Settings
from tests.unit.rules.site import PREPARE, TRAIN, rule

OPERATOR = Principal("olga", "operator")
SERVED = {"backend": "kserve", "url": "http://127.0.0.1:1", "model": "unet:1"}


def settings(tmp_path, **facts) -> Settings:
    targets = {"local": {}, "served": SERVED}
    return Settings(home=tmp_path, targets=targets, projects={"lungs": {"rules": {"mine": rule("study", **facts)}}})


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"prepare": {**PREPARE, "target": "nowhere"}}, "target"),
        ({"then": {**TRAIN, "target": "nowhere"}}, "target"),
        ({"prepare": {**PREPARE, "target": "served"}}, "target"),
        ({"then": {**TRAIN, "target": "served"}}, "target"),
        ({"then": {"kind": "infer", "pipeline": "p", "target": "served", "model": "unet:2"}}, "target"),
        ({"then": {"kind": "infer", "pipeline": "p"}}, "model"),
        ({"then": {**TRAIN, "model": "unet:1"}}, "model"),
        ({"prepare": {**PREPARE, "parameters": {"batch_uri": "x"}}}, "parameters"),
        ({"then": {**TRAIN, "parameters": {"no name": 1}}}, "parameters"),
        ({"select": "labelled", "labels": {"names": []}}, "labels"),
        ({"test_percent": 100}, "split"),
        ({"then": {"kind": "retrain", "pipeline": "p"}}, "model"),
        ({"then": {"kind": "evaluate", "pipeline": "p"}}, "model"),
        ({"then": {"kind": "retrain", "pipeline": "p", "model": "unet:1"}, "test_percent": 100}, "split"),
        ({"then": {"kind": "evaluate", "pipeline": "p", "model": "unet:1"}, "test_percent": 0}, "split"),
    ],
)
def test_a_rule_that_can_never_start_a_run_stops_the_start(tmp_path, facts, code):
    with pytest.raises(StartError, match="The rule mine of the project lungs can start no run") as error:
        require_possible(settings(tmp_path, **facts))
    assert error.value.code == f"rule-{code}"
    assert "sluice rules check" in error.value.remedy


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"then": None, "test_percent": 100},
        {"then": {"kind": "infer", "pipeline": "p", "target": "served", "model": "unet:1"}},
        {"then": {"kind": "infer", "pipeline": "p", "target": "served", "model": "unet@champion"}},
    ],
)
def test_a_rule_that_may_start_a_run_passes(tmp_path, facts):
    assert list(impossible(settings(tmp_path, **facts))) == []


@pytest.mark.parametrize(
    "when",
    [
        {"trigger": "sometimes"},
        {"trigger": "studies", "count": 0},
        {"trigger": "schedule", "cron": "0 0 30 2 *"},
        {"trigger": "schedule", "cron": "0 2 * * *", "zone": "Mars/Olympus"},
        {"trigger": "drift", "verdicts": []},
        {"trigger": "metric", "name": "dice"},
        {"trigger": "metric", "name": "dice", "below": 0.5, "above": 0.9},
        {"trigger": "metric", "name": "dice", "below": "nan"},
    ],
)
def test_a_trigger_that_never_comes_is_refused_with_its_place(tmp_path, when):
    with pytest.raises(ValidationError, match=r"projects\.lungs\.rules\.mine\.when"):
        Settings(home=tmp_path, projects={"lungs": {"rules": {"mine": {"when": when, "prepare": PREPARE}}}})


def why_not(here, name: str = "mine") -> str | None:
    with here.database.read() as session:
        return show_rule(session, here.settings, "lungs", name, here.now, OPERATOR).why_not


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"prepare": {"pipeline": "nothing"}}, "pipeline-unknown"),
        ({"prepare": {**PREPARE, "parameters": {"epochs": 1}}}, "parameter-unknown"),
        ({"then": {"kind": "infer", "pipeline": "train", "model": "unet:1"}}, "parameter-unknown"),
        ({}, "no-new-study"),
    ],
    ids=["no such pipeline", "no such parameter", "no input for a model", "nothing happened yet"],
)
def test_a_rule_says_why_it_does_not_fire(site, facts, why):
    assert why_not(site(mine=rule("study", **facts))) == why


def test_a_rule_says_what_its_oldest_occasion_waits_for(site):
    here = site(mine=rule("study"), many=rule("studies", count=5))
    here.close_study("1.1")
    here.look()
    assert why_not(here) == "preparing"
    assert why_not(here, "many") == "too-few-studies"


def test_a_rule_shows_when_it_fired_last_and_when_it_will_next(site):
    here = site(mine=rule("study", then=None), nightly=rule("schedule", cron="0 2 * * *"))
    here.close_study("1.1")
    here.look()
    with here.database.read() as session:
        mine = show_rule(session, here.settings, "lungs", "mine", here.now, OPERATOR)
        nightly = show_rule(session, here.settings, "lungs", "nightly", here.now, OPERATOR)
    assert (mine.last.occasion, mine.last.at, mine.fired_today) == ("study:1.1:1", here.now, 1)
    assert mine.last.handoff is not None
    assert (nightly.last, nightly.next_at, nightly.why_not) == (None, here.now + 14 * 3600, "not-yet")


def test_the_rules_of_the_document_are_rules_that_may_start_a_run(tmp_path):
    text = (Path(__file__).parents[3] / "docs/rules.md").read_text("utf-8")
    written = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    settings = Settings(home=tmp_path, **written)
    assert settings.rules_in("lungs").keys() == written["projects"]["lungs"]["rules"].keys()
    assert list(impossible(settings)) == []
