"""A batch becomes runs: prepare, train, infer, each believed only by its result."""

import json

import pytest

from handoff.backends.processes import members
from handoff.batches.split import split_of
from handoff.client import ProblemError
from handoff.handoffs.states import State
from tests.integration.handoff.running import annotated_study, batch_of, hand_off, let_go, starts
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def batch(working):
    annotated_study(working, "P0001")
    annotated_study(working, "P0002")
    return batch_of(working)


@pytest.fixture(scope="module")
def prepared(working, batch):
    return working.client.wait(hand_off(working, batch).id, 150)


@pytest.fixture(scope="module")
def trained(working, batch, prepared):
    assert prepared.state == State.SUCCEEDED, working.client.logs(prepared.id)
    return working.client.wait(hand_off(working, batch, "train").id, 150)


def test_prepare_train_and_infer_succeed_one_after_another(working, batch, trained):
    assert trained.state == State.SUCCEEDED, working.client.logs(trained.id)
    assert trained.made_model == "toy:1"
    view = hand_off(working, batch, "infer", model="toy:1", spoil="held")
    let_go(working, view)
    view = working.client.wait(view.id, 150)
    assert view.state == State.SUCCEEDED, working.client.logs(view.id)
    assert working.client.result_file(view.id, "segmentations/1.dcm") == b"segmentation by weights"
    assert [event.event for event in view.events][-4:] == ["SUBMITTING", "SUBMITTED", "RUNNING", "SUCCEEDED"]
    assert [result.kind for result in working.client.results("lungs")][-1] == "infer"


def test_a_registered_model_is_evaluated_and_trained_on_and_both_are_told_of_it(working, batch, trained):
    tester = next(name for name in (f"P1{number:03}" for number in range(99)) if split_of("lungs", name) == "test")
    others = batch_of(working, {"studies": [annotated_study(working, tester).study]})
    assert working.client.wait(hand_off(working, others).id, 60).state == State.SUCCEEDED
    measured = working.client.wait(hand_off(working, others, "evaluate", model=trained.made_model).id, 60)
    assert (measured.state, measured.metrics["dice_test"]) == (State.SUCCEEDED, 0.75), working.client.logs(measured.id)
    (evaluation,) = working.client.evaluations(trained.made_model)
    assert (evaluation.handoff, evaluation.batch, evaluation.metrics) == (measured.id, others, measured.metrics)
    again = working.client.wait(hand_off(working, batch, "retrain", model=trained.made_model).id, 60)
    assert again.state == State.SUCCEEDED, working.client.logs(again.id)
    began = {model.id: model.retrained_from for model in working.client.models("lungs")}
    assert began[again.made_model] == trained.made_model
    line = {f"{node.kind}:{node.id}" for node in working.client.trace(again.made_model).nodes}
    assert {f"model:{trained.made_model}", f"handoff:{trained.id}", f"batch:{batch}"} <= line


def test_the_same_decision_is_the_same_handoff_and_runs_once(working, batch, prepared):
    again = hand_off(working, batch)
    assert (again.id, again.state) == (prepared.id, State.SUCCEEDED)
    assert starts(working, prepared) == 1


def test_a_step_sees_no_token_and_no_database(working, prepared):
    seen = json.loads(working.left(prepared, "environment.json").read_text())
    text = json.dumps(seen)
    assert "A_SECRET_TOKEN" not in seen
    assert "handoff.db" not in text
    assert "postgres" not in text
    for name in ("token", "api-token"):
        assert (working.home / "research" / name).read_text().strip() not in text
    assert seen["HOME"] == str(working.home / "research/runs" / prepared.key)


def test_a_run_leaves_no_temporary_folder(working, prepared):
    assert not (working.home / "research/runs" / prepared.key / "tmp").exists()


def test_a_batch_that_no_run_prepared_is_not_trained_on(working):
    study = annotated_study(working, "P0003")
    raw = batch_of(working, {"studies": [study.study]})
    with pytest.raises(ProblemError, match="batch-not-prepared"):
        hand_off(working, raw, "train")


def test_a_model_of_another_preparing_spec_is_refused(working, trained):
    study = annotated_study(working, "P0004")
    other = batch_of(working, {"studies": [study.study]})
    assert working.client.wait(hand_off(working, other, spec="two").id, 150).state == State.SUCCEEDED
    with pytest.raises(ProblemError, match="422 spec-mismatch"):
        hand_off(working, other, "infer", model="toy:1")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("crash", "step-failed"),
        ("no-result", "result-missing"),
        ("other-key", "result-of-another-handoff"),
        ("digest", "result-file-digest"),
        ("outside", "result-file-outside"),
    ],
)
def test_a_result_that_cannot_be_believed_never_succeeds(working, batch, spoil, reason):
    if spoil == "outside" and working.store.files.local(".") is None:
        pytest.skip("a bucket has no links")
    view = working.client.wait(hand_off(working, batch, spoil=spoil).id, 150)
    assert (view.state, view.reason) == (State.FAILED, reason)
    assert view.files == ()
    assert "the step runs" in working.client.logs(view.id)


def test_a_model_that_is_a_pickle_becomes_no_version(working, batch, prepared):
    view = working.client.wait(hand_off(working, batch, "train", spoil="pickle").id, 150)
    assert (view.state, view.reason, view.made_model) == (State.FAILED, "model-is-pickle", None)


def test_the_trace_of_an_instance_reaches_the_segmentation(working, batch, trained):
    infer = working.client.wait(hand_off(working, batch, "infer", model="toy:1").id, 150)
    line = json.loads(working.client.batch(batch).model_dump_json())
    shipment = line["provenance"]["shipments"][0]
    found = working.client.trace(shipment)
    kinds = {node.kind for node in found.nodes}
    assert {"shipment", "batch", "handoff", "model", "file"} <= kinds
    assert f"file:{infer.id}/segmentations/1.dcm" in {edge.target for edge in found.edges}
    back = working.client.trace("toy:1")
    assert shipment in {node.id for node in back.nodes if node.kind == "shipment"}


def test_cancel_ends_every_process_of_a_run(working, batch):
    view = hand_off(working, batch, seconds=600, spoil="orphan")
    wait_for(lambda: starts(working, view) == 1, 120)
    working.client.cancel(view.id)
    ended = working.client.wait(view.id, 150)
    assert (ended.state, ended.reason) == (State.CANCELED, "asked")
    started = json.loads((working.home / "research/runs" / view.key / "started.json").read_text())
    assert members(started["pid"], view.key) == []
