"""A decision comes by a short way, or by the framework's; nobody can tell by which, but for the time that it takes."""

import json

import pytest
from structlog.testing import capture_logs

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
