"""A POST that comes again with its Idempotency-Key."""

import asyncio
import os
import time

import pytest
from sqlalchemy import func, select

from handoff.access.principal import Principal
from handoff.alive import Alive
from handoff.api.idempotency import Idempotency
from handoff.api.kept_answers import LEASE_SECONDS, KeptAnswers, Turn
from handoff.database.tables import Handoff, IdempotentRequest, Token
from handoff.errors import RefusedError
from handoff.handoffs.states import State
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.asking import Asking
from tests.unit.handoff.rows import BATCH, PIPELINE, add_decidable, add_handoff

ENDED = "e" * 32
RERUN = f"/v1/handoffs/{ENDED}:rerun"


@pytest.fixture
def service(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_decidable(session)
        run = {"reference": "run-1", "ended_at": 1.0, "batch_id": BATCH, "pipeline_id": PIPELINE}
        add_handoff(session, id=ENDED, key="e" * 64, state=State.FAILED.value, **run)
    yield service
    service.database.close()


@pytest.fixture
def asking(service):
    return Asking(service)


def handoffs(service) -> int:
    with service.database.read() as session:
        return session.scalar(select(func.count()).select_from(Handoff)) - 1


def kept(service) -> int:
    with service.database.read() as session:
        return session.scalar(select(func.count()).select_from(IdempotentRequest))


def test_the_same_key_and_body_get_the_same_answer_to_the_letter(service, asking):
    first = asking.ask("POST", RERUN, {"reason": "one more"}, Idempotency_Key="k")
    again = asking.ask("POST", RERUN, {"reason": "one more"}, Idempotency_Key="k")
    assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert handoffs(service) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [(RERUN, {"reason": "another"}), (f"/v1/handoffs/{ENDED}:retry", None), (f"{RERUN}?x=1", {"reason": "one more"})],
    ids=["other body", "other path", "other query"],
)
def test_the_same_key_of_another_request_is_refused_and_does_nothing(service, asking, path, body):
    asking.ask("POST", RERUN, {"reason": "one more"}, Idempotency_Key="k")
    other = asking.ask("POST", path, body, Idempotency_Key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert handoffs(service) == 1


def test_of_eight_at_once_one_works_and_all_get_its_answer(service, asking):
    answers = asking.ask_at_once([("POST", RERUN, {"reason": "one more"})] * 8, Idempotency_Key="k")
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert handoffs(service) == 1


def test_a_request_that_was_refused_did_nothing_so_its_key_is_free(service, asking):
    refused = asking.ask("POST", RERUN, {"reason": ""}, Idempotency_Key="k")
    mended = asking.ask("POST", RERUN, {"reason": "one more"}, Idempotency_Key="k")
    assert (refused.status_code, mended.status_code) == (422, 202)


def test_a_key_that_nobody_could_repeat_is_refused(asking):
    answer = asking.ask("POST", RERUN, {"reason": "one more"}, Idempotency_Key="two words")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key")


def test_a_secret_is_not_kept_and_a_repeat_makes_no_second_one(service, asking):
    wanted = {"name": "laptop", "role": "ml-engineer"}
    made = asking.ask("POST", "/v1/tokens", wanted, Idempotency_Key="k")
    again = asking.ask("POST", "/v1/tokens", wanted, Idempotency_Key="k")
    assert (made.status_code, again.status_code, again.json()["code"]) == (201, 409, "answer-not-kept")
    with service.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Token).where(Token.name == "laptop")) == 1
        assert [row.body for row in session.scalars(select(IdempotentRequest))] == [{}]


def test_a_bug_frees_the_key(service):
    async def bug(*_: object) -> None:
        raise KeyError

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "server": ("x", 1), "scheme": "http"}
    scope |= {"headers": [(b"idempotency-key", b"k")], "state": {"principal": Principal("us", "admin")}}
    with pytest.raises(KeyError):
        asyncio.run(Idempotency(bug, KeptAnswers(service.database, service.alive))(scope, receive, bug))
    assert kept(service) == 0


def test_a_key_of_a_killed_service_of_another_home_is_taken_over_only_when_nobody_renews_it(service):
    answers = KeptAnswers(service.database, service.alive)
    killed = answers.begin("us", "k", "d" * 64)
    assert isinstance(killed, Turn)
    assert answers.begin("us", "k", "d" * 64) is None
    with service.database.write() as session:
        session.get_one(IdempotentRequest, ("us", "k")).at = time.time() - LEASE_SECONDS - 1
    taken = answers.begin("us", "k", "d" * 64)
    assert isinstance(taken, Turn)
    answers.free(killed)  # too late: the key is another's
    with pytest.raises(RefusedError):
        answers.begin("us", "k", "e" * 64)
    assert kept(service) == 1


def test_keys_of_others_are_others(service):
    answers = KeptAnswers(service.database, service.alive)
    assert isinstance(answers.begin("us", "k", "d" * 64), Turn)
    assert isinstance(answers.begin("them", "k", "e" * 64), Turn)


def test_a_key_of_a_killed_service_is_free_as_soon_as_one_of_its_home_starts(service):
    """The kill lets go of the lock; nothing else of a killed service is undone."""
    killed = Alive(service.home)
    begun = KeptAnswers(service.database, killed).begin("us", "k", "d" * 64)
    beside = KeptAnswers(service.database, Alive(service.home))
    assert isinstance(begun, Turn)
    assert beside.begin("us", "k", "d" * 64) is None
    os.close(killed._lock)
    assert isinstance(beside.begin("us", "k", "d" * 64), Turn)


def test_a_start_forgets_the_dead_and_leaves_the_living_of_its_home_alone(service):
    killed = Alive(service.home)
    os.close(killed._lock)
    starts = [Alive(service.home), Alive(service.home)]
    names = {start.name.partition(":")[2] for start in (service.alive, *starts)}
    assert {file.name for file in (service.home.root / "services").iterdir()} == names
    assert [starts[0].is_dead(start.name) for start in (killed, service.alive, *starts)] == [True, False, False, False]
    assert not starts[0].is_dead("another-home:1")


def test_a_repeat_while_the_first_is_worked_on_is_told_when_to_come_again(service, asking, monkeypatch):
    monkeypatch.setattr("handoff.api.idempotency._PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(KeptAnswers, "begin", lambda *_: None)
    answer = asking.ask("POST", RERUN, {"reason": "one more"}, Idempotency_Key="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-in-progress")
    assert int(answer.headers["Retry-After"]) > 0
