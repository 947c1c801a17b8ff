"""A decision comes by a short way, or by the framework's; nobody can tell by which, but for the time that it takes."""

import asyncio
import json
from collections import Counter

import pytest
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from handoff.database.tables import Handoff, OutboxRow
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.access.asking import ask, asked, bearer, home_token, made
from tests.unit.handoff.rows import BATCH, add_decidable

PLAIN, LONG_WAY = "application/json", "application/json; charset=utf-8"
WAYS = (PLAIN, LONG_WAY)
DECISION = {"kind": "prepare", "batch": BATCH, "pipeline": "toy"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service.open(Settings.load(tmp_path_factory.mktemp("home")))
    with service.database.write() as session:
        add_decidable(session)
    yield service
    service.close()


def post(service, content: bytes | dict, way: str = PLAIN, token: str | None = None, **headers: str):
    body = json.dumps(content).encode() if isinstance(content, dict) else content
    headers |= bearer(token or home_token(service)) | {"Content-Type": way}
    return asked(service, lambda client: client.post("/v1/handoffs", content=body, headers=headers))


def acts(service) -> list[tuple[str, str, int, str | None]]:
    items = ask(service, "GET", "/v1/audit?newest_first=true", home_token(service)).json()["items"]
    return [(item["action"], item["subject"], item["status"], item["code"]) for item in items]


@pytest.mark.parametrize("first", WAYS)
def test_a_decision_is_the_same_by_either_way(service, first):
    wish = {**DECISION, "parameters": {"number": WAYS.index(first)}}
    second = next(way for way in WAYS if way != first)
    answers = [post(service, wish, first), post(service, wish, second), post(service, wish, first)]
    assert [answer.status_code for answer in answers] == [202, 200, 200]
    views = [answer.json() for answer in answers]
    assert [event["event"] for event in views[0]["events"]] == ["ACCEPTED"]
    told = {"queue_position", "waits_for"}  # not counted for a decision that was just accepted
    assert [{**view, **dict.fromkeys(told)} for view in views] == [{**views[0], **dict.fromkeys(told)}] * 3
    noted = ("accept_handoff", views[0]["id"])
    assert acts(service)[:3] == [(*noted, 200, None), (*noted, 200, None), (*noted, 202, None)]


@pytest.mark.parametrize("key", [None, "one for all", "one for each"])
def test_many_at_one_time_are_one_handoff(service, key):
    """Not so many that one could wait longer for SQLite's lock than anybody may, on a slow disk."""
    number = 100 + len(key or "")
    before = rows(service)
    body = json.dumps({**DECISION, "parameters": {"number": number}}).encode()
    ours = bearer(home_token(service))

    async def at_once(client):
        def headers(turn: int) -> dict[str, str]:
            word = {None: {}, "one for all": {"Idempotency-Key": "all"}}.get(key, {"Idempotency-Key": f"each-{turn}"})
            return {**ours, "Content-Type": WAYS[turn % 2], **word}

        posts = (client.post("/v1/handoffs", content=body, headers=headers(turn)) for turn in range(10))
        return await asyncio.gather(*posts)

    answers = asked(service, at_once)
    assert len({answer.json()["id"] for answer in answers}) == 1
    expected = {202: 10} if key == "one for all" else {202: 1, 200: 9}
    assert Counter(answer.status_code for answer in answers) == expected
    assert rows(service) == tuple(count + 1 for count in before)


def rows(service) -> tuple[int, ...]:
    """How many decisions there are, and how many wait to be sent."""
    with service.database.read() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) for table in (Handoff, OutboxRow))


@pytest.mark.parametrize("way", WAYS)
def test_a_decision_that_cannot_be_noted_is_none_and_those_of_others_at_that_time_are(service, way):
    name = f"unlucky{WAYS.index(way)}"
    _, unlucky = made(service, name, "ml-engineer")
    before = rows(service)
    with service.database.write() as session:
        when, what = f"BEFORE INSERT ON audit WHEN NEW.principal = '{name}'", "SELECT RAISE(ABORT, 'no');"
        session.execute(text(f"CREATE TRIGGER no_{name} {when} BEGIN {what} END"))

    async def at_once(client):
        def post(turn: int):
            body = json.dumps({**DECISION, "parameters": {"number": 200 + turn + 20 * WAYS.index(way)}}).encode()
            token = unlucky if turn % 5 == 0 else home_token(service)
            return client.post("/v1/handoffs", content=body, headers={**bearer(token), "Content-Type": way})

        return await asyncio.gather(*(post(turn) for turn in range(10)))

    try:
        answers = asked(service, at_once)
    finally:
        with service.database.write() as session:
            session.execute(text(f"DROP TRIGGER no_{name}"))
    refused = [answer.status_code for answer in answers if answer.status_code >= 500]
    assert [answer.status_code for turn, answer in enumerate(answers) if turn % 5] == [202] * 8
    assert len(refused) == 2
    assert rows(service) == tuple(count + 8 for count in before)
    again = json.dumps({**DECISION, "parameters": {"number": 200 + 20 * WAYS.index(way)}}).encode()
    assert post(service, again, way, unlucky).status_code == 202


def test_headers_tell_nothing_of_the_way(service):
    wish = {**DECISION, "parameters": {"number": 9}}
    post(service, wish)
    for content in (wish, b"{", {**DECISION, "batch": "0" * 64}):
        short, long = (dict(post(service, content, way).headers) for way in WAYS)
        assert short == long


REFUSED = {
    "nothing": b"",
    "half": b"{",
    "no text": b"\xff",
    "a list": b"[]",
    "too deep": b"[" * 100_000,
    "another kind": {**DECISION, "kind": "guess"},
    "too much": {**DECISION, "more": 1},
    "no batch": {**DECISION, "batch": "0" * 64},
    "no pipeline": {**DECISION, "pipeline": "unknown"},
    "no target": {**DECISION, "target": "unknown"},
    "no parameter": {**DECISION, "parameters": {"unknown": 1}},
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_refused_alike(service, content):
    short, long = (post(service, content, way) for way in WAYS)
    assert short.status_code == 422
    assert (short.status_code, short.json()) == (long.status_code, long.json())
    code = short.json()["code"]
    assert acts(service)[:2] == [("accept_handoff", "-", 422, code)] * 2


def test_who_may_not_decide_learns_so_by_either_way(service):
    _, token = made(service, "looks-on", "auditor")
    assert {post(service, DECISION, way, token).status_code for way in WAYS} == {403}
    assert {post(service, DECISION, way, "nobodys").status_code for way in WAYS} == {401}


def test_the_record_of_a_request_names_the_route_by_either_way(service):
    with capture_logs() as logs:
        for way in WAYS:
            post(service, {**DECISION, "parameters": {"number": 7}}, way)
    lines = [(line["route"], line["status"], line["code"]) for line in logs if line["event"] == "request"]
    assert lines == [("/v1/handoffs", 202, None), ("/v1/handoffs", 200, None)]


def test_a_key_of_the_sender_holds_by_either_way(service):
    wish = {**DECISION, "parameters": {"number": 8}}
    first, again = (post(service, wish, way, **{"Idempotency-Key": "mine"}) for way in WAYS)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == first.content
