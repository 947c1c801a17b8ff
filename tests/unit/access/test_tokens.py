"""Tokens: shown once, stored as digests, looked up anew each time, and given by no one who has less."""

import time

import pytest
from sqlalchemy import select, update

from handoff.access.home_tokens import record_tokens, replace_token
from handoff.access.tokens import Tokens, digest_of
from handoff.database.engine import Database
from handoff.database.tables import Handoff, Token
from handoff.errors import StartError
from tests.unit.access.asking import ask, asked, bearer, home_token, made
from tests.unit.handoff.rows import add_handoff, add_surroundings


def me(service, token):
    return ask(service, "GET", "/v1/me", token)


def set_columns(service, token_id, **values):
    with service.database.write() as session:
        session.execute(update(Token).where(Token.id == token_id).values(**values))


def test_a_new_token_is_shown_once_and_stored_as_its_digest(service):
    token_id, token = made(service, "ada", "ml-engineer", ["lungs"])
    assert me(service, token).json() == {
        "name": "ada",
        "role": "ml-engineer",
        "projects": ["lungs"],
        "handoff": None,
        "permissions": ["approve", "decide", "read", "reconcile", "register", "steer"],
    }
    listed = ask(service, "GET", "/v1/tokens", home_token(service)).json()["items"]
    assert token_id in {item["id"] for item in listed}
    assert all("token" not in item for item in listed)
    home = service.home.database
    assert not any(token.encode() in file.read_bytes() for file in home.parent.glob("handoff.db*"))
    with service.database.read() as session:
        assert session.scalar(select(Token.digest).where(Token.id == token_id)) == digest_of(token)


def test_a_repeat_of_the_request_does_not_show_the_token_again(service):
    """What answers repeats keeps answers in the database, and never one with a token."""
    headers = {**bearer(home_token(service)), "Idempotency-Key": "once"}
    body = {"name": "repeated", "role": "auditor"}

    async def twice(client):
        return [await client.post("/v1/tokens", json=body, headers=headers) for _ in range(2)]

    first, second = asked(service, twice)
    assert (first.status_code, second.status_code) == (201, 409)
    token = first.json()["token"]
    assert token not in second.text
    home = service.home.database
    assert not any(token.encode() in file.read_bytes() for file in home.parent.glob("handoff.db*"))


def test_a_revocation_holds_at_once_on_a_replica_that_knew_the_token(service):
    token_id, token = made(service, "gone", "auditor")
    replica = Tokens(Database(str(service.database.reader.url)))
    assert replica.find(token).name == "gone"
    for _ in range(2):  # safe to repeat
        answer = ask(service, "POST", f"/v1/tokens/{token_id}:revoke", home_token(service))
        assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    assert replica.find(token) is None
    assert me(service, token).status_code == 401


def test_an_expired_token_is_nobodys(service):
    token_id, token = made(service, "old", "auditor")
    set_columns(service, token_id, expires_at=time.time() - 1)
    assert me(service, token).status_code == 401
    set_columns(service, token_id, expires_at=0.0)
    assert me(service, token).status_code == 401


def test_the_token_before_a_rotation_holds_for_the_overlap_and_no_longer(service):
    token_id, before = made(service, "robot", "operator")
    rotate = f"/v1/tokens/{token_id}:rotate"
    after = ask(service, "POST", rotate, home_token(service), json={"overlap_seconds": 60}).json()["token"]
    assert [me(service, token).json()["name"] for token in (before, after)] == ["robot", "robot"]
    set_columns(service, token_id, previous_until=time.time() - 1)
    assert [me(service, token).status_code for token in (before, after)] == [401, 200]


def test_a_rotation_without_an_overlap_ends_the_token_before_at_once(service):
    token_id, before = made(service, "robot-2", "operator")
    assert ask(service, "POST", f"/v1/tokens/{token_id}:rotate", home_token(service), json={}).status_code == 200
    assert me(service, before).status_code == 401


def test_a_revocation_ends_the_token_before_a_rotation_too(service):
    token_id, before = made(service, "robot-3", "operator")
    ask(service, "POST", f"/v1/tokens/{token_id}:rotate", home_token(service), json={"overlap_seconds": 3600})
    ask(service, "POST", f"/v1/tokens/{token_id}:revoke", home_token(service))
    assert me(service, before).status_code == 401
    again = ask(service, "POST", f"/v1/tokens/{token_id}:rotate", home_token(service), json={})
    assert (again.status_code, again.json()["code"]) == (409, "token-revoked")


def test_a_name_is_never_used_again(service):
    token_id, _ = made(service, "unique", "auditor")
    ask(service, "POST", f"/v1/tokens/{token_id}:revoke", home_token(service))
    answer = ask(service, "POST", "/v1/tokens", home_token(service), json={"name": "unique", "role": "auditor"})
    assert (answer.status_code, answer.json()["code"]) == (409, "token-name")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "home", "role": "admin"}, 422),
        ({"name": "intake", "role": "intake"}, 422),
        ({"name": "run-1", "role": "auditor"}, 422),
        ({"name": "runner", "role": "run"}, 422),
        ({"name": "Bad Name", "role": "auditor"}, 422),
        ({"name": "none", "role": "auditor", "projects": []}, 422),
        ({"name": "for-ever", "role": "auditor", "days": 367}, 422),
        ({"name": "x", "role": "auditor", "made_by": "somebody"}, 422),
    ],
)
def test_what_no_token_can_be_is_refused(service, body, status):
    assert ask(service, "POST", "/v1/tokens", home_token(service), json=body).status_code == status


@pytest.mark.parametrize("role", ["intake", "operator", "ml-engineer", "auditor"])
def test_no_other_role_touches_tokens(service, role):
    token_id, token = made(service, f"curious-{role}", role)
    assert ask(service, "GET", "/v1/tokens", token).status_code == 403
    assert ask(service, "POST", "/v1/tokens", token, json={"name": "more", "role": "admin"}).status_code == 403
    assert ask(service, "POST", f"/v1/tokens/{token_id}:revoke", token).status_code == 403


def test_an_admin_of_one_project_gives_and_sees_no_more_than_that(service):
    _, admin = made(service, "lungs-admin", "admin", ["lungs"])
    other, _ = made(service, "hearts-reader", "auditor", ["hearts"])
    everyone, _ = made(service, "all-reader", "auditor")

    def make(name, projects):
        body = {"name": name, "role": "admin", "projects": projects}
        return ask(service, "POST", "/v1/tokens", admin, json=body).status_code

    assert [make("mine", ["lungs"]), make("more", ["lungs", "hearts"]), make("most", None)] == [201, 404, 404]
    assert {other, everyone}.isdisjoint(item["id"] for item in ask(service, "GET", "/v1/tokens", admin).json()["items"])
    for hidden in (other, everyone):
        assert ask(service, "POST", f"/v1/tokens/{hidden}:revoke", admin).status_code == 404
        assert ask(service, "POST", f"/v1/tokens/{hidden}:rotate", admin, json={}).status_code == 404


@pytest.mark.parametrize("name", ["home", "intake"])
def test_a_token_of_the_homes_files_is_not_ended_from_afar(service, name):
    with service.database.read() as session:
        token_id = session.scalar(select(Token.id).where(Token.name == name))
    for verb in ("revoke", "rotate"):
        answer = ask(service, "POST", f"/v1/tokens/{token_id}:{verb}", home_token(service), json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "token-of-home")
    assert me(service, home_token(service)).status_code == 200


def test_a_file_of_the_home_is_replaced_with_its_token_and_survives_a_start(service):
    before = home_token(service)
    replace_token(service.database, service.home, "admin", overlap_seconds=60)
    after = home_token(service)
    assert after != before
    assert service.home.api_token.stat().st_mode & 0o777 == 0o600
    record_tokens(service.database, service.home)  # as a replica that starts
    assert [service.tokens.find(token).name for token in (before, after)] == ["home", "home"]
    replace_token(service.database, service.home, "admin", overlap_seconds=0)
    assert service.tokens.find(after) is None


def test_files_that_changed_places_change_who_may_what(service):
    intake, api = service.home.intake_token.read_text(), service.home.api_token.read_text()
    try:
        service.home.intake_token.write_text(api)
        service.home.api_token.write_text(intake)
        record_tokens(service.database, service.home)
        assert service.tokens.find(api.strip()).role == "intake"
        assert service.tokens.find(intake.strip()).role == "admin"
    finally:
        service.home.intake_token.write_text(intake)
        service.home.api_token.write_text(api)
        record_tokens(service.database, service.home)


def test_a_file_that_cannot_be_written_changes_no_token(service, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = home_token(service)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StartError, match="cannot be written"):
        replace_token(service.database, service.home, "admin", overlap_seconds=0)
    monkeypatch.undo()
    assert home_token(service) == before
    assert me(service, before).status_code == 200
    assert not list(service.home.root.glob(".api-token.*"))


def test_when_a_token_was_used_last_is_known_to_the_hour(service):
    token_id, token = made(service, "used", "auditor")
    began = time.time()
    me(service, token)
    with service.database.read() as session:
        assert session.scalar(select(Token.used_at).where(Token.id == token_id)) >= began - 1


def test_a_runs_token_ends_with_its_handoff(service):
    with service.database.write() as session:
        add_surroundings(session)
        add_handoff(session, id="1" * 32, key="k", state="RUNNING")
        row = Token(digest=digest_of("of-a-run"), id="2" * 32, name="run-1", role="run", projects={"only": ["lungs"]})
        row.handoff_id, row.made_by, row.made_at = "1" * 32, "worker", 0.0
        session.add(row)
    assert service.tokens.find("of-a-run").handoff_id == "1" * 32
    with service.database.write() as session:
        session.get_one(Handoff, "1" * 32).state = "CANCELED"
    assert service.tokens.find("of-a-run") is None


@pytest.mark.parametrize("token", ["ä" * 20, "\udcff" * 20, "a b", "x" * 100_000, "sluice_"])
def test_odd_tokens_are_nobodys(service, token):
    assert service.tokens.find(token) is None
