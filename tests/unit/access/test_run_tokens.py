"""How a step in a cluster gets the token of its run, and what becomes of the token of a run that ended."""

import pytest
from sqlalchemy import select

from handoff.access.run_tokens import RunTokens, forget_token
from handoff.database.tables import AuditRecord, Handoff, Token
from handoff.schemas.runs import RunToken
from tests.unit.access.asking import ask, home_token, made
from tests.unit.handoff.rows import add_handoff, add_surroundings

RUN = "1" * 32
ENGINE_RUN = "8d3c3b5e-run-of-kubeflow"


@pytest.fixture(scope="module")
def engine(service):
    """The token of the target cluster, on which one run is at work."""
    with service.database.write() as session:
        add_surroundings(session)
        add_handoff(session, id=RUN, key="k", target="cluster", state="RUNNING", reference=ENGINE_RUN)
    return made(service, "cluster", "engine")[1]


@pytest.fixture(autouse=True)
def at_work(service, engine):
    set_state(service, "RUNNING")


def set_state(service, state: str) -> None:
    with service.database.write() as session:
        session.get_one(Handoff, RUN).state = state


def exchange(service, token: str, run: str = ENGINE_RUN):
    return ask(service, "POST", "/v1/runs/token", token, json={"run": run})


def test_the_targets_token_is_exchanged_for_the_runs_which_is_the_same_for_every_step(service, engine):
    first, second = (exchange(service, engine) for _ in range(2))
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "no-store")
    assert first.json() == second.json()
    assert first.json()["handoff"] == RUN
    files = ask(service, "GET", f"/v1/runs/{RUN}/files", first.json()["token"])
    assert (files.status_code, files.json()["items"]) == (200, [])


def test_it_is_written_down_without_the_token(service, engine):
    token = exchange(service, engine).json()["token"]
    with service.database.read() as session:
        rows = session.scalars(select(AuditRecord).where(AuditRecord.action == "get_run_token")).all()
        stored = [row.digest for row in session.scalars(select(Token))]
    assert {(row.principal, row.role, row.status) for row in rows} == {("cluster", "engine", 200)}
    assert all(token not in f"{row.subject} {row.code}" for row in rows)
    assert token not in stored


def test_an_answer_that_holds_it_does_not_show_it():
    answer = RunToken(handoff=RUN, token="sluice_run_x", seconds=1.0)
    assert "sluice_run_x" not in f"{answer!r} {answer}"


def test_a_token_of_another_target_or_another_role_gets_none(service, engine):
    other = made(service, "another-cluster", "engine")[1]
    assert exchange(service, other).json()["code"] == "run-unknown"
    assert exchange(service, home_token(service)).status_code == 403
    run = exchange(service, engine).json()["token"]
    assert exchange(service, run).status_code == 403


def test_a_token_that_is_limited_to_other_projects_gets_none(service, engine):
    with service.database.write() as session:
        row = session.scalars(select(Token).where(Token.name == "cluster")).one()
        row.projects = {"only": ["hearts"]}
    try:
        assert exchange(service, engine).status_code == 404
    finally:
        with service.database.write() as session:
            session.scalars(select(Token).where(Token.name == "cluster")).one().projects = {}


@pytest.mark.parametrize("state", ["SUBMITTING", "SUCCEEDED", "FAILED", "CANCELED", "LOST"])
def test_a_run_that_is_not_at_work_is_unknown(service, engine, state):
    set_state(service, state)
    assert exchange(service, engine).json()["code"] == "run-unknown"


def test_a_second_run_that_the_engine_started_besides_gets_none(service, engine):
    assert exchange(service, engine, "9f-a-duplicate").status_code == 404


def test_the_targets_token_is_good_for_nothing_else(service, engine):
    for path in ("/v1/handoffs", f"/v1/runs/{RUN}/files", "/v1/results", "/v1/tokens", "/v1/studies"):
        assert ask(service, "GET", path, engine).status_code == 403
    assert ask(service, "GET", "/v1/me", engine).json()["permissions"] == ["take-on"]


@pytest.mark.parametrize("run", ["", "a b", "x" * 200, "../token"])
def test_what_no_engine_calls_a_run_is_refused(service, engine, run):
    assert exchange(service, engine, run).status_code == 422


def test_the_token_of_a_run_is_removed_once_it_ended_and_not_before(service, engine):
    token = exchange(service, engine).json()["token"]
    forget_token(service.database, RUN)
    assert service.tokens.find(token).handoff_id == RUN
    set_state(service, "FAILED")
    assert service.tokens.find(token) is None
    forget_token(service.database, RUN)
    with service.database.read() as session:
        assert session.scalar(select(Token.id).where(Token.handoff_id == RUN)) is None


def test_a_run_that_ends_while_its_token_is_asked_for_leaves_none_behind(service, engine, monkeypatch):
    """Nobody would remove the row: whoever told of the end did so before."""
    give = RunTokens.give

    def late(tokens, handoff_id):
        set_state(service, "CANCELED")
        forget_token(service.database, handoff_id)
        return give(tokens, handoff_id)

    monkeypatch.setattr(RunTokens, "give", late)
    token = exchange(service, engine).json().get("token", "")
    assert service.tokens.find(token) is None
    with service.database.read() as session:
        assert session.scalar(select(Token.id).where(Token.handoff_id == RUN)) is None
