"""An alias that somebody moves at MLflow is asked for here, once, and never moved here by that."""

import secrets

import pytest

from handoff.access.principal import Principal
from handoff.mirrors.interface import MirrorRefusedError
from handoff.mirrors.mlflow import Mlflow
from handoff.models.promote import Promotions
from tests.integration.mirrors.told import PERSON, Asked, Told

pytestmark = pytest.mark.integration
BOB = Principal("bob", "ml-engineer")
MLFLOW = "mirror:mlflow"
FIRST = ("approved", "1", PERSON)


@pytest.fixture(scope="module")
def told(tmp_path_factory, mlflow):
    """Three versions of a model of which the gate lets 1 and 2 pass, all told."""
    with Told(tmp_path_factory.mktemp("moved"), mlflow.url) as told:
        told.gate = {"metrics": {"dice_test": {"at_least": 0.4}}}
        for dice in (0.5, 0.6, 0.1):
            told.end(told.submitted(), dice_test=dice)
        told.tell_all()
        yield told


@pytest.fixture(scope="module")
def asked(mlflow):
    with Asked(mlflow.url) as asked:
        yield asked


@pytest.fixture
def heeding(told):
    heeding = told.heeding()
    yield heeding
    heeding.stop()


@pytest.fixture
def alias(told):
    """An alias of each test's own; it stands for version 1 here and there."""
    alias = f"a{secrets.token_hex(6)}"
    told.promote(1, alias)
    told.tell_all()
    return alias


def test_a_move_there_waits_here_for_a_person_and_is_asked_for_once(told, heeding, asked, alias):
    heeding.look()
    asked.move(told.model, alias, 2)
    for _ in range(3):
        heeding.look()
    other = told.heeding()
    other.look()
    other.stop()
    assert told.promotions(alias) == [FIRST, ("waiting", "2", MLFLOW)]


def test_what_a_person_approves_stands_in_both_places(told, heeding, asked, alias):
    asked.move(told.model, alias, 2)
    heeding.look()
    Promotions(told.database, told.settings).approve(BOB, told.newest_promotion(alias), "looked at it")
    told.tell_all()
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("approved", "2", MLFLOW)]
    assert asked.stands_for(told.model, alias) == "2"


def test_what_a_person_refuses_is_taken_back_there_and_may_be_wished_again(told, heeding, asked, alias):
    asked.move(told.model, alias, 2)
    heeding.look()
    Promotions(told.database, told.settings).refuse(BOB, told.newest_promotion(alias), "not yet")
    heeding.look()  # it is not taken back yet, and no new wish either
    assert asked.stands_for(told.model, alias) == "2"
    told.tell_all()
    assert asked.stands_for(told.model, alias) == "1"
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("refused", "2", MLFLOW)]
    asked.move(told.model, alias, 2)
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("refused", "2", MLFLOW), ("waiting", "2", MLFLOW)]


def test_what_was_asked_for_here_before_it_was_moved_there_is_taken_back_there_too(told, heeding, asked, alias):
    promotions = Promotions(told.database, told.settings)
    with told.database.write() as session:
        waiting = promotions.ask_within(
            session, Principal("eve", "operator"), f"{told.model}:2", alias, "may not approve"
        )
    heeding.look()
    asked.move(told.model, alias, 2)
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("waiting", "2", "eve")]
    promotions.refuse(BOB, waiting.id, "not yet")
    told.tell_all()
    assert asked.stands_for(told.model, alias) == "1"


def test_an_alias_of_which_mlflow_tells_nothing_keeps_no_other_from_being_heard(
    told, heeding, asked, alias, monkeypatch
):
    other = f"b{secrets.token_hex(6)}"
    asked.move(told.model, alias, 2)
    asked.move(told.model, other, 3)
    model_of = Mlflow.model_of

    def refusing(self, name, version):
        meant = model_of(self, name, version)
        if meant == f"{told.model}:2":
            raise MirrorRefusedError("resource-does-not-exist")
        return meant

    with monkeypatch.context() as patched:
        patched.setattr(Mlflow, "model_of", refusing)
        heeding.look()
    assert (told.promotions(alias), told.promotions(other)) == ([FIRST], [("refused", "3", MLFLOW)])
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("waiting", "2", MLFLOW)]


def test_what_the_gate_refuses_is_kept_and_taken_back_there(told, heeding, asked, alias):
    asked.move(told.model, alias, 3)
    heeding.look()
    told.tell_all()
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("refused", "3", MLFLOW)]
    assert asked.stands_for(told.model, alias) == "1"


def test_a_new_alias_there_is_asked_for_and_gone_if_it_is_refused(told, heeding, asked):
    alias = f"a{secrets.token_hex(6)}"
    asked.move(told.model, alias, 2)
    heeding.look()
    assert told.promotions(alias) == [("waiting", "2", MLFLOW)]
    Promotions(told.database, told.settings).refuse(BOB, told.newest_promotion(alias), "no such thing")
    told.tell_all()
    assert asked.stands_for(told.model, alias) is None
    heeding.look()
    asked.move(told.model, alias, 2)
    heeding.look()
    assert told.promotions(alias) == [("refused", "2", MLFLOW), ("waiting", "2", MLFLOW)]


def test_a_move_on_before_the_first_was_taken_back_is_a_wish_of_its_own(told, heeding, asked, alias):
    asked.move(told.model, alias, 3)
    heeding.look()
    asked.move(told.model, alias, 2)
    told.tell_all()
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("refused", "3", MLFLOW), ("waiting", "2", MLFLOW)]


def test_a_promotion_here_that_mlflow_was_not_told_of_is_no_move_there(told, heeding, asked, alias):
    """It stands there for what it stood for here before: nobody moved it."""
    told.promote(2, alias)
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("approved", "2", PERSON)]
    told.tell_all()
    heeding.look()
    assert told.promotions(alias) == [FIRST, ("approved", "2", PERSON)]
    assert asked.stands_for(told.model, alias) == "2"


def test_what_is_not_ours_there_is_passed_over(told, heeding, asked, alias):
    theirs = asked.post("model-versions/create", name=told.model, source="s3://elsewhere/model")["model_version"]
    asked.post("registered-models/alias", name=told.model, alias=alias, version=theirs["version"])
    asked.post("registered-models/create", name=f"other-{told.model}")
    asked.move(told.model, "Not-A-Name-Of-Ours", 2)
    heeding.look()
    assert told.promotions(alias) == [FIRST]
