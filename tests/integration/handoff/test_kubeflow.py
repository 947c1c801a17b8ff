"""Handoffs become runs at Kubeflow's API: each exactly once, whatever answer is lost, and only the result is believed.

The server is a faithful HTTP service of its own; service, worker and Kubeflow's clients are the real ones.
"""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from handoff.backends.interface import RunPhase
from handoff.backends.kfp import Kubeflow
from handoff.backends.kfp_answers import KubeflowError
from handoff.backends.kfp_names import run_name
from handoff.commands import handoff
from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.database.tables import DuplicateRun
from handoff.handoffs.states import State
from tests.faults.handoff.with_kubeflow import TARGET, WithKubeflow
from tests.integration.handoff.engines import TOY, Engine, kubeflow_target
from tests.kubeflow_server.database import connect
from tests.kubeflow_server.process import KubeflowServer
from tests.waiting import wait_for as wait

pytestmark = pytest.mark.integration
SETTLE_SECONDS = 2.0
UNTIL_TOLD = 500.0
QUICK = {"settle_seconds": SETTLE_SECONDS, "sweep_seconds": 0.5, "poll_seconds": 0.1, "http_timeout_seconds": 20}


def wait_for(condition, complaint=lambda: "it did not happen in time"):
    """Longer than elsewhere: a worker imports kfp before it does anything."""
    wait(condition, 120.0, complaint)


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_yaml):
    """A server that really runs the steps, and a worker."""
    home = tmp_path_factory.mktemp("steps")
    with KubeflowServer(home / "kubeflow", execute=TOY) as server, WithKubeflow(home, server, **QUICK) as world:
        world.make_batch(toy_yaml)
        world.start_worker()
        yield world


@pytest.fixture(scope="module")
def endless(tmp_path_factory, toy_yaml):
    """A server whose runs never end by themselves, and a worker."""
    home = tmp_path_factory.mktemp("endless")
    script = {"running_seconds": None}
    with KubeflowServer(home / "kubeflow", script=script) as server, WithKubeflow(home, server, **QUICK) as world:
        world.make_batch(toy_yaml)
        world.start_worker()
        yield world


@pytest.fixture(autouse=True)
def _as_usual(request):
    """After a test with faults, none are left for the next."""
    yield
    for name in {"world", "endless"} & set(request.fixturenames):
        request.getfixturevalue(name).server.meet(refuse=0, lose=0, late=0, late_answer="lost", only=[], most=0)


def hand_off(world, spec: str, **parameters):
    """A decision of its own."""
    return world.service.client.hand_off(
        kind="prepare",
        batch=world._batch,
        pipeline="toy",
        target=TARGET,
        parameters={"kind": "prepare", "spec": spec, **parameters},
    )


def wait_for_state(world, view, *states: State):
    wait_for(lambda: world.view(view).state in states, complaint=lambda: str(world.view(view)))
    return world.view(view)


def events(view) -> list[tuple[str, str | None]]:
    return [(event.event, event.reason) for event in view.events]


def posts(world, view) -> list[dict]:
    """Every CreateRun that was sent for a handoff."""
    name = run_name(TARGET, view.key)
    return [line for line in world.server.journal("CreateRun") if (line["body"] or {}).get("display_name") == name]


def runs(world, view) -> int:
    return world.server.runs()[run_name(TARGET, view.key)]


def test_a_handoff_succeeds_by_its_result_and_says_what_was_sent(world):
    view = wait_for_state(world, hand_off(world, "plain"), State.SUCCEEDED)
    (post,) = posts(world, view)
    assert "run_id" not in post["body"]
    version_id = post["body"]["pipeline_version_reference"]["pipeline_version_id"]
    (version,) = world.server.rows("SELECT * FROM pipeline_versions WHERE pipeline_version_id = ?", version_id)
    assert version["name"] == view.prepared_digest != view.pipeline_digest
    assert post["body"]["pipeline_version_reference"]["pipeline_id"] == version["pipeline_id"]
    said = json.loads(post["body"]["description"])
    assert (said["handoff"], said["key"]) == (view.id, view.key)
    assert view.prepared_digest.startswith(said["prepared"])
    assert view.pipeline_digest.startswith(said["pipeline"])
    (experiment,) = world.server.rows(
        "SELECT * FROM experiments WHERE experiment_id = ?", post["body"]["experiment_id"]
    )
    assert experiment["display_name"] == "sluice-lungs"
    assert "SUCCEEDED" in world.service.client.logs(view.id)


@pytest.mark.parametrize(("spoil", "reason"), [("no-result", "result-missing"), ("crash", "step-failed")])
def test_a_run_without_a_result_fails_whatever_the_engine_says(world, spoil, reason):
    view = wait_for_state(world, hand_off(world, spoil, spoil=spoil), State.FAILED, State.SUCCEEDED)
    assert (view.state, view.reason) == (State.FAILED, reason)


def test_a_run_whose_answer_was_lost_is_taken_over_and_not_sent_again(world):
    world.server.meet(lose=1, only=["CreateRun"])
    view = wait_for_state(world, hand_off(world, "lost"), State.SUCCEEDED)
    assert ("postponed", "kubeflow-connection-lost") in events(view)
    assert (len(posts(world, view)), runs(world, view), view.attempts) == (1, 1, 1)


def test_a_run_that_lands_late_is_taken_over(world):
    world.server.meet(late=1, late_seconds=[0.2, 0.4], only=["CreateRun"])
    view = wait_for_state(world, hand_off(world, "late"), State.SUCCEEDED)
    assert (len(posts(world, view)), runs(world, view)) == (1, 1)


@pytest.mark.parametrize("how", ["503", "reset"])
def test_after_an_ambiguous_answer_nothing_is_sent_before_it_settled(world, how):
    world.server.meet(refuse=1, refuse_by=how, only=["CreateRun"], most=1)
    view = wait_for_state(world, hand_off(world, f"ambiguous {how}"), State.SUCCEEDED)
    first, second = posts(world, view)
    assert second["at"] - first["at"] >= SETTLE_SECONDS
    assert (view.attempts, runs(world, view)) == (2, 1)


def test_a_worker_that_dies_between_sending_and_answer_leaves_one_run(world):
    world.server.meet(late=1, late_seconds=[UNTIL_TOLD] * 2, late_answer="waits", only=["CreateRun"], most=1)
    view = hand_off(world, "died")
    wait_for(lambda: world.server.workflows()[run_name(TARGET, view.key)] == 1)
    assert world.view(view).state == State.SUBMITTING
    world.end_worker(kill=True)
    world.server.land()
    wait_for(lambda: len(posts(world, view)) == 1)
    world.start_worker()
    view = wait_for_state(world, view, State.SUCCEEDED)
    assert (len(posts(world, view)), runs(world, view)) == (1, 1)


def test_a_version_that_was_deleted_at_the_server_is_uploaded_again(world):
    wait_for_state(world, hand_off(world, "before"), State.SUCCEEDED)
    with closing(connect(world.server.folder / "kubeflow.db")) as connection:
        connection.execute("DELETE FROM pipeline_versions")
    view = wait_for_state(world, hand_off(world, "after"), State.SUCCEEDED)
    assert ("postponed", "kubeflow-unknown") in events(view)
    assert (view.attempts, runs(world, view)) == (2, 1)


def test_while_the_server_is_away_a_handoff_waits_and_says_why(world):
    running = wait_for_state(world, hand_off(world, "running", spoil="held"), State.RUNNING)
    world.server.kill()
    view = hand_off(world, "away")
    wait_for(lambda: world.view(view).reason == "kubeflow-unreachable")
    wait_for(lambda: ("engine-silent", "kubeflow-unreachable") in events(world.view(running)))
    assert world.view(view).state in {State.VALIDATING, State.SUBMITTING}
    assert world.view(view).attempts == 0
    assert world.view(running).state == State.RUNNING
    world.server.start()
    world.service.left(running, "go").touch()
    assert wait_for_state(world, running, State.SUCCEEDED, State.FAILED).state == State.SUCCEEDED
    assert wait_for_state(world, view, State.SUCCEEDED).attempts == 1


def test_a_canceled_run_is_canceled_though_the_server_says_failed(endless):
    view = wait_for_state(endless, hand_off(endless, "cancel"), State.RUNNING)
    endless.service.client.cancel(view.id)
    view = wait_for_state(endless, view, State.CANCELED, State.FAILED)
    assert (view.state, view.reason) == (State.CANCELED, "asked")
    state = "SELECT state FROM runs WHERE run_id = ?"
    wait_for(lambda: [row["state"] for row in endless.server.rows(state, view.reference)] == ["FAILED"])


def test_a_second_run_that_landed_after_all_is_ended_recorded_and_said(endless):
    endless.server.meet(late=1, late_seconds=[UNTIL_TOLD] * 2, only=["CreateRun"], most=1)
    view = wait_for_state(endless, hand_off(endless, "duplicate"), State.RUNNING)
    assert (len(posts(endless, view)), runs(endless, view)) == (2, 1)
    endless.server.land()
    wait_for(lambda: runs(endless, view) == 2)
    wait_for(lambda: ("duplicate-run", None) in events(endless.view(view)))
    wait_for(lambda: endless.server.live()[run_name(TARGET, view.key)] == 1)
    (row,) = duplicates(endless)
    assert (row.handoff_id, row.kept) == (view.id, view.reference)
    assert row.reference != view.reference
    wait_for(lambda: duplicates(endless)[0].ended_at is not None)
    assert endless.view(view).state == State.RUNNING
    wait_for(lambda: "duplicate-run" in (endless.home / "worker.log").read_text())


def duplicates(world) -> list[DuplicateRun]:
    with closing(Database(sqlite_url(world.home / "research/handoff.db"))) as database, database.read() as session:
        return list(session.scalars(select(DuplicateRun)))


def test_a_run_of_another_installation_is_neither_taken_over_nor_ended(endless, tmp_path, toy_yaml):
    """It has our target's name and our key, but not our handoff."""
    (tmp_path / "toy.yaml").write_text(toy_yaml)
    other = Kubeflow(tmp_path, TARGET, kubeflow_target(endless.server, tmp_path))
    order = Engine(tmp_path, tmp_path / "toy.yaml", lambda: other).order()
    reference = other.submit(other.prepare(order))
    assert other.find(order.key, order.handoff) == reference
    assert other.find(order.key, "f" * 32) is None
    log = endless.home / "worker.log"
    wait_for(lambda: "run-of-unknown-handoff" in log.read_text() and reference in log.read_text())
    assert endless.server.live()[run_name(TARGET, order.key)] == 1


def test_a_run_that_the_server_denies_is_lost_but_not_before_it_settled(endless):
    view = wait_for_state(endless, hand_off(endless, "denied"), State.SUBMITTED, State.RUNNING)
    with closing(connect(endless.server.folder / "kubeflow.db")) as connection:
        connection.execute("DELETE FROM runs WHERE run_id = ?", (view.reference,))
    view = wait_for_state(endless, view, State.LOST)
    times = {event.event: event.at for event in view.events}
    assert times["LOST"] - times["SUBMITTING"] >= SETTLE_SECONDS


def test_a_wrong_token_is_said_and_a_right_one_is_used_at_once(tmp_path, toy_yaml):
    token = tmp_path / "token"
    token.write_text("wrong\n")
    (tmp_path / "toy.yaml").write_text(toy_yaml)
    with KubeflowServer(tmp_path / "kubeflow", token="right") as server:
        target = kubeflow_target(server, tmp_path, token_file=token)
        backend = Kubeflow(tmp_path, TARGET, target)
        order = Engine(tmp_path, tmp_path / "toy.yaml", lambda: backend).order()
        with pytest.raises(KubeflowError, match="kubeflow-token"):
            backend.prepare(order)
        assert "does not know our token" in backend.probe().remedy
        token.write_text("right\n")
        assert backend.probe().ok
        assert backend.status(backend.submit(backend.prepare(order))).phase is not RunPhase.GONE


def check(home: Path, code: int = 0) -> str:
    """What `sluice handoff target check` says."""
    done = CliRunner().invoke(handoff, ["target", "check", TARGET, "--home", str(home)])
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"endpoint": "http://127.0.0.1:9"}, "Nothing answers at the endpoint."),
        ({"namespace": "lungs"}, "Leave namespace out."),
        ({"token_file": "/nonexistent"}, "The file with the token or cookie is missing"),
        ({"claims": []}, "No step could read"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_target_that_cannot_work_is_said_in_plain_words(endless, tmp_path, wrong, said):
    (tmp_path / "research").mkdir()
    target = json.loads((endless.home / "research/handoff.yaml").read_text())["targets"][TARGET]
    target |= {"claims": [{"claim": "all", "path": str(tmp_path)}], **wrong}
    (tmp_path / "research/handoff.yaml").write_text(json.dumps({"targets": {TARGET: target}}))
    assert said in check(tmp_path, code=1)


def test_an_endpoint_that_is_something_else_is_not_taken_for_kubeflow(endless, tmp_path):
    target = kubeflow_target(endless.server, tmp_path, endpoint=endless.service.url)
    found = Kubeflow(tmp_path, TARGET, target).probe()
    assert (found.ok, found.problem, found.passing) == (False, "kubeflow-not-there", True)
