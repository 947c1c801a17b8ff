"""`sluice tokens` on a home, without a service."""

import json

import pytest
from sqlalchemy import select

from handoff.access.tokens import digest_of
from handoff.database.tables import AuditRecord, Token
from sluice.cli import main


@pytest.fixture
def say(service, capsys):
    """What a command prints."""

    def run(*arguments: str) -> str:
        main(["tokens", *arguments, "--home", str(service.settings.home)])
        return capsys.readouterr().out

    return run


def row(service, name):
    with service.database.read() as session:
        return session.scalar(select(Token).where(Token.name == name))


def test_a_token_is_printed_alone_so_that_a_script_can_take_it(service, say):
    token = say("new", "robot", "--role", "operator", "--project", "lungs", "--days", "7").strip()
    who = service.tokens.find(token)
    assert (who.name, who.role, who.projects) == ("robot", "operator", frozenset({"lungs"}))
    assert row(service, "robot").made_by.startswith("home:")


def test_a_token_goes_to_a_new_file_that_nobody_else_may_read(service, say, tmp_path, capsys):
    file = tmp_path / "robot.token"
    printed = say("new", "filed", "--role", "auditor", "--to", str(file))
    assert file.read_text().strip() not in printed
    assert service.tokens.find(file.read_text().strip()).name == "filed"
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SystemExit):
        say("new", "unfiled", "--role", "auditor", "--to", str(file))
    assert "cannot be made" in capsys.readouterr().err
    assert row(service, "unfiled") is None, "a token that nobody could get was made"


def test_a_file_for_a_token_that_is_refused_does_not_stay(service, say, tmp_path, capsys):
    say("new", "twice", "--role", "auditor")
    with pytest.raises(SystemExit):
        say("new", "twice", "--role", "auditor", "--to", str(tmp_path / "token"))
    assert "stands for a token already" in capsys.readouterr().err
    assert not (tmp_path / "token").exists()


def test_tokens_are_listed_without_their_text(service, say):
    token = say("new", "listed", "--role", "auditor").strip()
    printed = say("list", "--json")
    assert "listed" in {item["name"] for item in json.loads(printed)}
    assert token not in printed
    assert digest_of(token) not in printed
    assert "listed" in say("list")


def test_a_token_is_rotated_and_revoked_by_its_name(service, say):
    before = say("new", "worker", "--role", "operator").strip()
    after = say("rotate", "worker", "--overlap-seconds", "60").strip()
    assert [service.tokens.find(token).name for token in (before, after)] == ["worker", "worker"]
    assert "revoked" in say("revoke", "worker")
    assert [service.tokens.find(token) for token in (before, after)] == [None, None]


@pytest.mark.parametrize(("name", "file"), [("home", "api-token"), ("intake", "token")])
def test_a_token_of_the_home_is_rotated_with_its_file(service, say, name, file):
    before = (service.home.root / file).read_text().strip()
    assert "file" in say("rotate", name)
    after = (service.home.root / file).read_text().strip()
    assert (service.tokens.find(before), service.tokens.find(after).name) == (None, name)


def test_what_a_command_changed_is_in_the_record_of_changes(service, say):
    say("new", "recorded", "--role", "auditor")
    with service.database.read() as session:
        last = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc())).first()
    assert (last.action, last.subject) == ("make_a_token", row(service, "recorded").id)
    assert last.principal.startswith("home:")


@pytest.mark.parametrize(
    "arguments",
    [("new", "Bad Name", "--role", "auditor"), ("new", "x", "--role", "run"), ("rotate", "home", "--to", "x")],
)
def test_what_cannot_be_meant_is_a_usage_error(service, say, arguments):
    with pytest.raises(SystemExit) as exit_:
        say(*arguments)
    assert exit_.value.code == 2


@pytest.mark.parametrize("arguments", [("revoke", "nobody"), ("revoke", "home"), ("rotate", "nobody")])
def test_what_cannot_be_done_is_one_line_with_a_remedy(service, say, arguments, capsys):
    with pytest.raises(SystemExit):
        say(*arguments)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_is_no_home_is_not_made_one(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["tokens", "list", "--home", str(tmp_path / "nowhere")])
    assert "is no home" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()
