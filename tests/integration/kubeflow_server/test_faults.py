"""Faults on demand: what a client sees of them, and what was done all the same."""

import time

import kfp_server_api
import pytest
import urllib3

from tests.integration.kubeflow_server.clients import Clients
from tests.kubeflow_server.faults import Fates, Faults
from tests.kubeflow_server.process import KubeflowServer
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
UNTIL_TOLD = 100.0
"""Seconds: what is to be inserted later than that is told to land before."""


@pytest.fixture(autouse=True)
def _version(clients):
    """Uploaded before anything goes wrong."""
    assert clients.version


def test_the_same_seed_is_the_same_fate_whatever_other_requests_come_between():
    faults = Faults(refuse=0.3, lose=0.3, late=0.3, seed=7)
    one, two = Fates(faults), Fates(faults)
    alone = [one.next("CreateRun") for _ in range(40)]
    between = [(two.next("ListRuns"), two.next("CreateRun"))[1] for _ in range(40)]
    assert alone == between
    assert 4 <= sum(fate.refused is not None for fate in alone) <= 20


def test_a_refused_request_did_nothing(server, clients, name):
    server.meet(refuse=1.0, refuse_by="503")
    assert clients.status(clients.create, name) == 503
    server.meet(refuse_by="reset")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        clients.create(name)
    assert (server.runs()[name], server.workflows()[name]) == (0, 0)


def test_a_lost_answer_is_a_protocol_error_and_the_run_is_there(server, clients, name):
    server.meet(lose=1.0)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        clients.create(name)
    assert (server.runs()[name], server.workflows()[name]) == (1, 1)


def test_500_after_the_commit_is_a_run_all_the_same(server, clients, name):
    server.meet(fail=1.0)
    assert clients.status(clients.create, name) == 500
    assert server.runs()[name] == 1


def test_a_commit_in_flight_is_seen_only_when_it_lands(server, clients, name):
    server.meet(late=1.0, late_seconds=[UNTIL_TOLD] * 2)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        clients.create(name)
    assert (server.runs()[name], server.workflows()[name]) == (0, 1)
    assert name not in [run.display_name for run in clients.runs.run_service_list_runs(page_size=200).runs or []]
    server.land()
    wait_for(lambda: server.runs()[name] == 1)


def test_a_client_that_times_out_in_createrun_finds_404_then_the_insert_lands_and_an_early_repeat_is_a_second(
    server, clients, toy_package, name
):
    hasty = Clients(server, toy_package, timeout=0.3)
    hasty._version = clients.version
    server.meet(late=1.0, late_seconds=[UNTIL_TOLD] * 2, late_answer="waits")
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        hasty.create(name)
    wait_for(lambda: server.workflows()[name] == 1)  # it may begin only after the client has gone
    (workflow,) = server.rows("SELECT run_id FROM workflows WHERE display_name = ?", name)
    assert clients.status(clients.runs.run_service_get_run, workflow["run_id"]) == 404
    server.meet(late=0)
    clients.create(name)
    assert (server.runs()[name], server.workflows()[name]) == (1, 2)
    server.land()
    wait_for(lambda: server.runs()[name] == 2)


def test_a_failed_insert_leaves_an_orphan(server, clients, name):
    server.meet(orphan=1.0)
    assert clients.status(clients.create, name) == 500
    assert (server.runs()[name], server.workflows()[name]) == (0, 1)


def test_lists_can_be_slow_while_the_rest_is_not(server, clients):
    server.meet(slow_list_seconds=0.5)
    began = time.monotonic()
    clients.runs.run_service_list_runs()
    assert time.monotonic() - began > 0.5
    clients.status(clients.runs.run_service_get_run, "none")
    asked = {line["operation"]: line["fate"] for line in server.journal()[-2:]}
    assert asked == {"ListRuns": {"latency_seconds": 0.5}, "GetRun": {}}


def test_the_client_repeats_a_lost_get_by_itself_but_never_a_post(server, clients, name):
    run = clients.create(name)
    repeating = kfp_server_api.RunServiceApi(kfp_server_api.ApiClient(kfp_server_api.Configuration(host=server.url)))
    server.meet(lose=1.0)
    with pytest.raises(urllib3.exceptions.MaxRetryError):
        repeating.run_service_get_run(run.run_id)
    assert [line["ids"] for line in server.journal("GetRun")].count([run.run_id]) == 4
    with pytest.raises(urllib3.exceptions.ProtocolError):
        repeating.run_service_create_run(clients.body(name))
    posts = [line["fate"] for line in server.journal("CreateRun") if line["body"]["display_name"] == name]
    assert posts == [{}, {"lost": True}]


def test_what_it_knew_is_there_after_a_kill_and_a_commit_in_flight_is_an_orphan_that_is_collected(
    tmp_path, toy_package
):
    with KubeflowServer(tmp_path, script={"running_seconds": None, "collect_seconds": 2.0}) as server:
        clients = Clients(server, toy_package)
        run = clients.create("kept")
        server.meet(late=1.0, late_seconds=[30, 30], only=["CreateRun"])
        with pytest.raises(urllib3.exceptions.ProtocolError):
            clients.create("in flight")
        server.kill()
        server.start()
        assert clients.runs.run_service_get_run(run.run_id).display_name == "kept"
        assert (server.runs(), server.workflows()["in flight"]) == ({"kept": 1}, 1)
        collected = "SELECT display_name FROM workflows WHERE collected"
        wait_for(lambda: [row["display_name"] for row in server.rows(collected)] == ["in flight"])
