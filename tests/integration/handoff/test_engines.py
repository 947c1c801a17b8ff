"""What every engine does: one suite for all of them, with the real engine, or a faithful one, behind each."""

import pytest

from handoff.backends.interface import RunPhase
from tests.integration.handoff.engines import ENGINES, starts
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
ENDED = {RunPhase.COMPLETED, RunPhase.FAILED, RunPhase.CANCELED, RunPhase.GONE}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, tmp_path_factory, toy_yaml):
    folder = tmp_path_factory.mktemp(request.param)
    pipeline = folder / "toy.yaml"
    pipeline.write_text(toy_yaml)
    with ENGINES[request.param](folder, pipeline) as engine:
        yield engine


def submit(engine, order) -> str:
    return engine.backend.submit(engine.backend.prepare(order))


def ended(engine, reference):
    wait_for(lambda: engine.backend.status(reference).phase in ENDED, 120)
    return engine.backend.status(reference)


def test_a_probe_says_that_it_is_ready(engine):
    found = engine.backend.probe()
    assert (found.ok, found.problem) == (True, None)
    assert "kfp" in found.versions


def test_preparing_starts_nothing_and_is_the_same_each_time(engine):
    order = engine.order()
    assert engine.backend.prepare(order).digest == engine.restart().prepare(order).digest
    assert engine.backend.find(order.key, order.handoff) is None
    assert starts(order) == 0


def test_a_run_completes_and_leaves_its_result(engine):
    order = engine.order()
    reference = submit(engine, order)
    assert ended(engine, reference).phase is RunPhase.COMPLETED
    assert (order.result / "result.json").exists()
    assert starts(order) == 1


def test_a_run_is_found_again_by_a_worker_that_lost_the_answer(engine):
    order = engine.order()
    reference = submit(engine, order)
    assert engine.restart().find(order.key, order.handoff) == reference
    assert ended(engine, reference).phase is RunPhase.COMPLETED


def test_a_run_of_another_key_is_not_found(engine):
    submitted, other = engine.order(), engine.order()
    submit(engine, submitted)
    assert engine.backend.find(other.key, other.handoff) is None


def test_a_step_that_fails_is_a_failed_run(engine):
    reference = submit(engine, engine.order(spoil="crash"))
    assert (ended(engine, reference).phase, ended(engine, reference).reason) == (RunPhase.FAILED, "step-failed")


def test_cancelling_ends_a_run_however_often_it_is_asked(engine):
    order = engine.order(spoil="held")
    reference = submit(engine, order)
    wait_for(lambda: starts(order) == 1, 120)
    engine.backend.cancel(reference)
    engine.restart().cancel(reference)
    assert ended(engine, reference).phase in {RunPhase.CANCELED, RunPhase.FAILED}
    engine.backend.cancel(reference)
    (order.result / "go").touch()  # a step that runs in a server's own process ends by itself alone


def test_cancelling_what_has_completed_changes_nothing(engine):
    reference = submit(engine, engine.order())
    assert ended(engine, reference).phase is RunPhase.COMPLETED
    engine.backend.cancel(reference)
    assert engine.backend.status(reference).phase is RunPhase.COMPLETED


def test_a_run_that_nobody_knows_is_gone(engine):
    assert engine.backend.status("0" * 32).phase is RunPhase.GONE


def test_there_is_something_to_read_of_a_run_and_nothing_of_none(engine):
    reference = submit(engine, engine.order())
    ended(engine, reference)
    assert engine.backend.logs(reference).read_text()
    assert engine.backend.logs("0" * 32) is None
