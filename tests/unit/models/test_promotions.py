"""An alias stands for the version that passed the gate, and for one that a second person approved where that is set."""

import pytest

from handoff.access.principal import Principal
from handoff.database.tables import Batch, Handoff, ModelVersion, Promotion
from handoff.errors import ConflictError, ForbiddenError, NotFoundError, PromotionError
from handoff.models.aliases import find_model
from handoff.models.promote import MOVED_AT_MLFLOW
from tests.unit.models.registry import ADA, BOB, GUEST, Registry

DICE = {"metrics": {"dice": {"at_least": 0.8, "worse_by": 0.05}}}


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path, DICE)
    yield registry
    registry.database.close()


@pytest.fixture
def careful(tmp_path):
    registry = Registry(tmp_path, {**DICE, "second_person": True})
    registry.train(1, dice=0.9)
    yield registry
    registry.database.close()


def test_a_version_that_reaches_the_gate_gets_the_alias_at_once(registry):
    registry.train(1, dice=0.8)
    row = registry.ask(1)
    assert (row.state, row.before, row.decided_by, registry.champion) == ("approved", None, "ada", "unet:1")
    assert registry.log() == [("promotion-approved", "unet:1")]


@pytest.mark.parametrize(
    ("metrics", "shortfall"),
    [({"dice": 0.79}, "too-low"), ({}, "metric-missing"), ({"dice": 0.84}, "worse-than-before")],
    ids=["below the threshold", "not measured", "worse than the champion by more than is allowed"],
)
def test_a_version_that_falls_short_is_refused_with_every_finding_and_that_is_kept(registry, metrics, shortfall):
    registry.train(1, dice=0.9)
    registry.ask(1)
    registry.train(2, **metrics)
    with pytest.raises(PromotionError) as error:
        registry.ask(2)
    assert registry.champion == "unet:1"
    promotion_id = error.value.remedy.split("/v1/promotions/")[1].split()[0]
    with registry.database.read() as session:
        row = session.get_one(Promotion, promotion_id)
    assert (row.state, row.decided_by) == ("refused", "gate")
    assert [finding["shortfall"] for finding in row.gate["findings"]] == [None, shortfall]
    assert registry.log()[-1] == ("promotion-refused", "unet:2")


def test_a_metric_of_which_less_is_better_has_a_highest_value(tmp_path):
    registry = Registry(tmp_path, {"metrics": {"loss": {"at_most": 0.5, "worse_by": 0.0}}})
    registry.train(1, loss=0.4)
    registry.train(2, loss=0.41)
    registry.train(3, loss=0.39)
    registry.ask(1)
    with pytest.raises(PromotionError):
        registry.ask(2)
    assert (registry.ask(3).state, registry.champion) == ("approved", "unet:3")
    registry.database.close()


def test_a_model_that_began_with_one_of_withdrawn_data_is_no_champion(registry):
    registry.train(1, dice=0.9)
    registry.train(2, dice=0.99)
    other = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0, "facts": {}}
    with registry.database.write() as session:
        session.add(Batch(id="other", created_at=0.0, **other))
        session.flush()
        training = session.get_one(ModelVersion, "unet:2").handoff_id
        handoff = session.get_one(Handoff, training)
        handoff.kind, handoff.model_id, handoff.batch_id = "retrain", "unet:1", "other"
        session.get_one(Batch, "b").withdrawn_by = "w" * 32
    with pytest.raises(PromotionError):
        registry.ask(2)


def test_a_model_of_withdrawn_data_is_no_champion(registry):
    registry.train(1, dice=0.99)
    with registry.database.write() as session:
        session.get_one(Batch, "b").withdrawn_by = "f" * 32
    with pytest.raises(PromotionError):
        registry.ask(1)
    assert registry.champion is None


def test_asking_for_what_is_so_already_changes_nothing(registry):
    registry.train(1, dice=0.9)
    assert registry.ask(1).id == registry.ask(1, BOB).id
    assert len(registry.log()) == 1


def test_who_asked_may_not_approve_where_two_are_needed_and_somebody_else_may(careful):
    row = careful.ask(1)
    assert (row.state, careful.champion) == ("waiting", None)
    assert careful.ask(1, BOB).id == row.id
    with pytest.raises(ForbiddenError) as error:
        careful.promotions.approve(ADA, row.id, "it is mine")
    assert error.value.code == "second-person"
    approved = careful.promotions.approve(BOB, row.id, "looked at it")
    assert (approved.state, approved.decided_by, careful.champion) == ("approved", "bob", "unet:1")
    assert careful.log() == [("promotion-asked", "unet:1"), ("promotion-approved", "unet:1")]


def test_where_two_are_needed_what_was_moved_at_mlflow_is_nobodys_wish_until_a_person_asks_too(careful):
    """Who moved it there is not known, so it may be the very person who approves."""
    moved = careful.ask(1, Principal(MOVED_AT_MLFLOW, "operator"))
    with pytest.raises(ForbiddenError) as error:
        careful.promotions.approve(ADA, moved.id, "it is mine")
    assert (error.value.code, careful.champion) == ("second-person", None)
    asked = careful.ask(1, ADA)
    assert (asked.state, asked.asked_by) == ("waiting", "ada")
    assert careful.ask(1, Principal(MOVED_AT_MLFLOW, "operator")).state == "waiting"
    with pytest.raises(ForbiddenError):
        careful.promotions.approve(ADA, asked.id, "it is mine")
    assert careful.promotions.approve(BOB, asked.id, "looked at it").decided_by == "bob"
    assert careful.promotions.refuse(BOB, moved.id, "it is so by now").state == "refused"
    assert careful.champion == "unet:1"


def test_who_may_not_approve_only_asks_even_where_one_is_enough(registry):
    registry.train(1, dice=0.9)

    class OnlyAsks(Principal):
        def may(self, verb):
            return verb == "decide"

    assert registry.ask(1, OnlyAsks("eve", "ml-engineer")).state == "waiting"
    assert registry.champion is None


def test_a_promotion_is_decided_once(careful):
    row = careful.ask(1)
    careful.promotions.refuse(BOB, row.id, "not yet")
    for again in (careful.promotions.approve, careful.promotions.refuse):
        with pytest.raises(ConflictError) as error:
            again(BOB, row.id, "again")
        assert error.value.code == "promotion-decided"
    assert careful.ask(1).id != row.id


def test_an_approval_of_what_was_overtaken_moves_nothing(careful):
    careful.train(2, dice=0.92)
    late, first = careful.ask(1), careful.ask(2)
    careful.promotions.approve(BOB, first.id, "better")
    with pytest.raises(ConflictError) as error:
        careful.promotions.approve(BOB, late.id, "late")
    assert (error.value.code, careful.champion) == ("alias-moved", "unet:2")


def test_the_gate_is_asked_once_more_when_somebody_approves(careful):
    row = careful.ask(1)
    with careful.database.write() as session:
        session.get_one(Batch, "b").withdrawn_by = "f" * 32
    with pytest.raises(PromotionError):
        careful.promotions.approve(BOB, row.id, "looks good")
    with careful.database.read() as session:
        assert (session.get_one(Promotion, row.id).state, careful.champion) == ("refused", None)


def test_a_person_of_another_project_is_told_that_there_is_no_such_thing(careful):
    with pytest.raises(NotFoundError):
        careful.ask(1, GUEST)
    row = careful.ask(1)
    for decide in (careful.promotions.approve, careful.promotions.refuse):
        with pytest.raises(NotFoundError):
            decide(GUEST, row.id, "let me")


def test_an_alias_never_moves_to_another_project(registry):
    registry.train(1, dice=0.9)
    registry.train(2, project="hearts", dice=0.9)
    registry.ask(1)
    with pytest.raises(ConflictError) as error:
        registry.ask(2)
    assert error.value.code == "alias-of-another-project"


def test_a_model_is_found_by_its_version_and_by_what_stands_for_it_now(registry):
    registry.train(1, dice=0.9)
    registry.train(2, dice=0.9)
    registry.ask(1)
    registry.ask(2)
    with registry.database.read() as session:
        found = [find_model(session, name) for name in ("unet:1", "unet@champion", "unet@nobody", "unet:3")]
    assert [model.id if model else None for model in found] == ["unet:1", "unet:2", None, None]
