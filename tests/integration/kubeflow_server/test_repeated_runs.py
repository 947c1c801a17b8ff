"""What CreateRun answers to a repeat: each row of what the real 2.17.0 answered, runs and workflows counted."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import kfp_server_api
import pytest

from tests.waiting import wait_for

pytestmark = pytest.mark.integration


def at_once(clients, count, name, **more):
    """So many CreateRun at the same time: (status, run_id) of each."""

    def one(_):
        try:
            return 200, clients.create(name, **more).run_id
        except kfp_server_api.ApiException as error:
            return error.status, None

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def slot(clients):
    """A disabled recurring run."""
    body = {
        **clients.body("slot"),
        "mode": "DISABLE",
        "trigger": {"cron_schedule": {"cron": "0 0 1 1 *"}},
        "max_concurrency": "1",
    }
    return clients.recurring.recurring_run_service_create_recurring_run(body).recurring_run_id


def test_the_same_run_id_is_500_and_an_orphan_workflow(server, clients, name):
    run_id = str(uuid.uuid4())
    assert clients.create(name, run_id=run_id).run_id == run_id
    with pytest.raises(kfp_server_api.ApiException) as refused:
        clients.create(name, run_id=run_id)
    assert refused.value.status == 500
    assert '"code": 13' in refused.value.body
    assert (server.runs()[name], server.workflows()[name]) == (1, 2)


def test_the_same_run_id_eight_times_at_once_is_one_run_and_eight_workflows(server, clients, name):
    answers = at_once(clients, 8, name, run_id=str(uuid.uuid4()))
    assert sorted(status for status, _ in answers) == [200] + [500] * 7
    assert (server.runs()[name], server.workflows()[name]) == (1, 8)


def test_the_same_display_name_is_two_runs(server, clients, name):
    assert clients.create(name).run_id != clients.create(name).run_id
    assert (server.runs()[name], server.workflows()[name]) == (2, 2)


def test_the_same_recurring_run_and_name_is_the_first_run_whatever_else_differs(server, clients, name):
    recurring = slot(clients)
    first = clients.create(name, recurring_run_id=recurring)
    again = clients.create(name, recurring_run_id=recurring, run_id=str(uuid.uuid4()), description="other")
    assert (again.run_id, again.description) == (first.run_id, None)
    clients.runs.run_service_terminate_run(first.run_id)
    wait_for(lambda: clients.runs.run_service_get_run(first.run_id).state == "FAILED")
    clients.runs.run_service_archive_run(first.run_id)
    assert clients.create(name, recurring_run_id=recurring).run_id == first.run_id
    assert (server.runs()[name], server.workflows()[name]) == (1, 1)


def test_the_same_recurring_run_eight_times_at_once_is_one_run_of_one_to_eight_workflows(server, clients, name):
    answers = at_once(clients, 8, name, recurring_run_id=slot(clients))
    assert {status for status, _ in answers} == {200}
    assert len({run_id for _, run_id in answers}) == 1
    assert server.runs()[name] == 1
    assert 1 <= server.workflows()[name] <= 8


def test_an_orphan_reports_into_the_run_whose_id_it_has_and_no_terminate_reaches_it(server, clients, name):
    server.play(running_seconds=0.3, held=True)
    try:
        run_id = str(uuid.uuid4())
        clients.create(name, run_id=run_id)
        server.play(held=False)
        wait_for(lambda: clients.runs.run_service_get_run(run_id).state == "SUCCEEDED")
        server.play(outcome="Failed", held=True)
        assert clients.status(clients.create, name, run_id=run_id) == 500
        assert clients.status(clients.runs.run_service_terminate_run, run_id) == 400
        server.play(held=False)
        wait_for(lambda: clients.runs.run_service_get_run(run_id).state == "FAILED")
    finally:
        server.play(running_seconds=None, outcome="Succeeded", held=False)
    states = [status.state for status in clients.runs.run_service_get_run(run_id).state_history]
    assert states == ["PENDING", "RUNNING", "SUCCEEDED", "RUNNING", "FAILED"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda name: f"{name}-\U0001fa7b", id="emoji"),
        pytest.param(lambda name: name + "n" * (256 - len(name)), id="256 characters"),
    ],
)
def test_a_name_that_the_database_cannot_hold_is_500_after_the_workflow_was_made(server, clients, name, spoil):
    asked = spoil(name)
    assert clients.status(clients.create, asked) == 500
    assert (server.runs()[asked], server.workflows()[asked]) == (0, 1)


def test_an_unknown_version_is_500_and_starts_nothing(server, clients, name):
    reference = {"pipeline_id": clients.version.pipeline_id, "pipeline_version_id": str(uuid.uuid4())}
    assert clients.status(clients.create, name, pipeline_version_reference=reference) == 500
    assert server.workflows()[name] == 0
