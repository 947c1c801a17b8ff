"""What a run measured of a model is a figure in production like any other: rules about it fire, once."""

import hashlib
import secrets

import pytest
from sqlalchemy import select

from handoff.contract.result import Result
from handoff.database.tables import Batch, Handoff, Signal
from handoff.handoffs.states import State, transition
from handoff.results.record import record_result
from tests.unit.rules.site import rule


@pytest.fixture
def here(site):
    here = site(worse=rule("metric", name="dice_test", below=0.8, then=None))
    here.close_study("1.1")
    return here


def evaluate(here, model: str = "unet:1", **metrics: float) -> str:
    """A run that measured a version of a model, and ended well."""
    name, batch = secrets.token_hex(16), secrets.token_hex(32)
    facts = {"file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0, "facts": {}, "created_at": 0.0}
    of = {"project": "lungs", "batch_id": batch, "target": "local", "pipeline_id": "train".ljust(64, "0")}
    with here.database.write() as session:
        session.add(Batch(id=batch, project="lungs", **facts))
        session.flush()
        running = {"kind": "evaluate", "state": "RUNNING", "parameters": {}, "created_at": here.now, "model_id": model}
        session.add(Handoff(id=name, key=name * 2, **of, **running))
        session.flush()
        result = {"handoff_key": name * 2, "kind": "evaluate", "files": [], "metrics": metrics, "spec_digest": "5" * 64}
        record_result(session, session.get_one(Handoff, name), Result.model_validate(result))
        transition(session, session.get_one(Handoff, name), State.SUCCEEDED)
    return name


@pytest.mark.parametrize(("value", "fired"), [(0.79, 1), (0.8, 0)], ids=["beyond its bound", "at its bound"])
def test_a_figure_of_an_evaluation_lets_a_rule_fire(here, value, fired):
    evaluate(here, dice_test=value)
    here.look()
    assert here.firings() == [("fired", None)] * fired


def test_it_fires_once_whoever_looks_and_however_often_the_service_starts(here):
    evaluate(here, dice_test=0.5)
    keeper = here.keeper()
    for replica in (keeper, keeper, here.keeper()):
        here.look(replica)
    assert here.firings() == [("fired", None)]
    evaluate(here, dice_test=0.4)
    here.look(keeper)
    assert len(here.firings()) == 2


def test_a_figure_is_about_the_version_that_was_measured_and_says_by_which_run(here):
    handoff = evaluate(here, "unet:7", dice_test=0.9)
    here.look()
    with here.database.read() as session:
        signal = session.scalars(select(Signal)).one()
    assert (signal.kind, signal.name, signal.value, signal.model_id) == ("metric", "dice_test", 0.9, "unet:7")
    assert signal.sent_by == f"handoff:{handoff}"


def test_a_metric_that_no_rule_can_name_is_passed_over(here):
    evaluate(here, **{"Dice of the liver": 0.1, "dice_test": 0.1})
    here.look()
    assert here.firings() == [("fired", None)]


def test_somebody_else_who_took_the_id_of_a_figure_keeps_no_other_rule_from_firing(here):
    """Whoever may send signals can tell the id beforehand: it is made of the handoff's key."""
    handoff = evaluate(here, auc_test=0.5, dice_test=0.5)
    taken = hashlib.sha256(f"sluice.evaluation/1\n{handoff * 2}\nauc_test".encode()).hexdigest()[:32]
    facts = {"project": "lungs", "kind": "metric", "name": "other", "value": 1.0, "sent_by": "eve", "received_at": 0.0}
    with here.database.write() as session:
        session.add(Signal(id=taken, **facts))
    here.look()
    assert here.firings() == [("fired", None)]
