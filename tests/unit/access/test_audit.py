"""The record of changes: each change and each refusal, by whom, before the answer leaves; never a word of content."""

import asyncio

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from handoff.access.audit import Act, AuditTrail
from handoff.access.principal import Principal
from handoff.api import tokens
from tests.unit.access.asking import ask, asked, bearer, home_token, made

PIPELINE = {"name": "Mueller^Hans", "yaml": "Mueller^Hans", "code_digest": "x"}


def acts(service, token=None, **query):
    answer = ask(service, "GET", "/v1/audit", token or home_token(service), params={"newest_first": True, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def seen(act):
    return {name: act[name] for name in ("principal", "role", "action", "subject", "status", "code")}


def test_a_change_is_noted_with_who_asked_and_what_it_made(service):
    token_id, _ = made(service, "noted", "auditor")
    assert seen(acts(service)[0]) == {
        "principal": "home",
        "role": "admin",
        "action": "make_a_token",
        "subject": token_id,
        "status": 201,
        "code": None,
    }


def test_a_change_of_something_names_it_by_the_path(service):
    token_id, _ = made(service, "short-lived", "auditor")
    ask(service, "POST", f"/v1/tokens/{token_id}:revoke", home_token(service))
    assert (acts(service)[0]["action"], acts(service)[0]["subject"]) == ("revoke_a_token", token_id)


def test_who_was_refused_is_noted_whatever_it_wanted(service):
    _, token = made(service, "curious", "operator")
    ask(service, "GET", "/v1/tokens", token)
    ask(service, "POST", "/v1/tokens", "nobodys-token", json={})
    ask(service, "GET", "/v1/batches/" + "b" * 64)
    unknown_read, unknown_write, refused = acts(service, limit=3)
    assert (refused["principal"], refused["action"], refused["status"]) == ("curious", "list_tokens", 403)
    assert seen(unknown_write) | {"subject": ""} == {
        "principal": "-",
        "role": "-",
        "action": "make_a_token",
        "subject": "",
        "status": 401,
        "code": "unauthorized",
    }
    assert (unknown_read["action"], unknown_read["status"]) == ("get_batch", 401)


def test_what_only_reads_is_not_noted(service):
    before = acts(service, limit=1)[0]["id"]
    for path in ("/v1/studies", "/v1/me", "/healthz", "/v1/tokens"):
        ask(service, "GET", path, home_token(service))
    assert acts(service, limit=1)[0]["id"] == before


def test_a_change_that_was_refused_for_its_content_is_noted_without_the_content(service):
    ask(service, "POST", "/v1/pipelines", home_token(service), json=PIPELINE)
    ask(service, "POST", "/v1/tokens/Mueller^Hans:revoke", home_token(service))
    by_path, by_body = acts(service, limit=2)
    assert (by_body["status"], by_path["status"]) == (422, 422)
    assert "Mueller" not in str(by_body) + str(by_path)


def test_many_changes_at_once_take_few_commits(service):
    trail, commits = AuditTrail(service.database), []

    def count(_connection):
        commits.append(1)

    event.listen(service.database.writer, "commit", count)
    who = Principal("busy", "admin")

    async def at_once() -> None:
        await asyncio.gather(*(trail.append(Act(who, "made", f"{number}", 201)) for number in range(200)))

    asyncio.run(at_once())
    event.remove(service.database.writer, "commit", count)
    assert len(acts(service, principal="busy", limit=1000)) == 200
    assert len(commits) <= 3


def test_a_change_that_cannot_be_noted_is_not_said_to_be_done(service, monkeypatch):
    def full(*_):
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(AuditTrail, "_commit", full)
    with capture_logs() as logs:
        answer = ask(service, "POST", "/v1/tokens", home_token(service), json={"name": "unsaid", "role": "auditor"})
        assert ask(service, "GET", "/v1/me", "nobodys-token").status_code == 503
        assert ask(service, "GET", "/v1/me", home_token(service)).status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (503, "database-busy")
    assert "sluice_" not in answer.text
    assert "audit-not-written" in {line["event"] for line in logs}


def test_a_bug_in_the_middle_of_a_change_is_noted(service, monkeypatch):
    def bug(*_):
        raise KeyError("Mueller^Hans")

    monkeypatch.setattr(tokens, "make_token", bug)
    body = {"name": "buggy", "role": "auditor"}
    with capture_logs():
        assert ask(service, "POST", "/v1/tokens", home_token(service), json=body).status_code == 500
    assert (acts(service)[0]["action"], acts(service)[0]["status"]) == ("make_a_token", 500)


def test_acts_are_listed_by_page_both_ways_and_found_by_who_what_and_when(service):
    for number in range(5):
        ask(service, "POST", "/v1/tokens", home_token(service), json={"name": f"page-{number}", "role": "auditor"})

    async def ids(client, **query):
        found, after = [], None
        while True:
            asked_for = {"limit": 2, **query, **({"after": after} if after else {})}
            page = (await client.get("/v1/audit", params=asked_for, headers=bearer(home_token(service)))).json()
            found += [item["id"] for item in page["items"]]
            after = page["next"]
            if after is None:
                return found

    forwards = asked(service, lambda client: ids(client, action="make_a_token"))
    backwards = asked(service, lambda client: ids(client, action="make_a_token", newest_first=True))
    assert forwards == sorted(forwards) == backwards[::-1]
    assert len(forwards) >= 5
    at = acts(service, action="make_a_token", limit=1)[0]["at"]
    assert acts(service, since=at + 1) == []
    assert len(acts(service, principal="home", until=at + 1, limit=1000)) >= 5


def test_who_is_limited_to_a_project_does_not_read_what_others_do(service):
    _, limited = made(service, "lungs-auditor", "auditor", ["lungs"])
    _, auditor = made(service, "auditor", "auditor")
    assert ask(service, "GET", "/v1/audit", limited).status_code == 403
    assert acts(service, token=auditor)


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"since": "nan"}, {"since": "inf"}, {"principal": "a b"}, {"limit": 0}]
)
def test_a_question_that_cannot_be_meant_is_refused(service, query):
    assert ask(service, "GET", "/v1/audit", home_token(service), params=query).status_code == 422
