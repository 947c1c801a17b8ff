"""What a mirror is told: one row for each thing, leased by one worker, and never told away."""

import pytest

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import MirrorRow
from handoff.errors import StartError
from handoff.mirrors import outbox
from handoff.mirrors.interface import MirrorAwayError, MirrorRefusedError
from handoff.mirrors.mlflow_api import _failure
from handoff.settings import Settings


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/handoff.db")
    upgrade(database)
    yield database
    database.close()


def announce(database, *subjects: str) -> None:
    with database.write() as session:
        for subject in subjects:
            outbox.announce(session, "mlflow", "handoff", subject)


def lease(database, worker: str = "a"):
    with database.write() as session:
        return outbox.lease(session, "mlflow", worker)


def state(database, subject: str) -> tuple[str, str | None]:
    with database.read() as session:
        row = session.query(MirrorRow).where(MirrorRow.subject == subject).one()
        return row.state, row.reason


def test_changes_of_one_thing_are_one_row_and_one_worker_has_it(database):
    announce(database, "one", "one", "two")
    assert [change.subject for change in (lease(database), lease(database, "b"))] == ["one", "two"]
    assert lease(database, "c") is None


def test_what_changes_while_it_is_told_is_told_again(database):
    announce(database, "one")
    change = lease(database)
    announce(database, "one")
    with database.write() as session:
        outbox.delivered(session, change)
    assert state(database, "one") == ("waiting", None)
    again = lease(database)
    with database.write() as session:
        outbox.delivered(session, again)
    assert state(database, "one") == ("delivered", None)


def announce_and_fail(database) -> None:
    with database.write() as session:
        outbox.announce(session, "mlflow", "handoff", "one")
        session.flush()
        raise ZeroDivisionError


def test_a_change_that_is_rolled_back_is_not_told(database):
    with pytest.raises(ZeroDivisionError):
        announce_and_fail(database)
    assert lease(database) is None


def test_a_killed_workers_lease_is_free_for_who_has_its_lock_and_for_nobody_else(database):
    announce(database, "one")
    assert lease(database, "a") is not None
    with database.write() as session:
        outbox.free_leases(session, "mlflow", "b")
    assert lease(database, "b") is None
    with database.write() as session:
        outbox.free_leases(session, "mlflow", "a")
    assert lease(database, "b") is not None


def test_a_mirror_that_is_away_is_waited_for_without_an_end(database):
    announce(database, "one")
    for _ in range(outbox.MOST_ATTEMPTS + 3):
        change = lease(database)
        with database.write() as session:
            outbox.put_off(session, change, "unreachable", -1)
    assert state(database, "one") == ("waiting", "unreachable")


def test_what_is_refused_too_often_is_dead_until_it_changes_or_a_worker_starts(database, monkeypatch):
    monkeypatch.setattr(outbox, "_LONGEST_PAUSE", -1.0)
    announce(database, "one")
    dead = []
    for _ in range(outbox.MOST_ATTEMPTS):
        change = lease(database)
        with database.write() as session:
            dead.append(outbox.refused(session, change, "invalid-parameter-value"))
    assert dead == [False] * 4 + [True]
    assert state(database, "one") == ("dead", "invalid-parameter-value")
    announce(database, "one")
    assert state(database, "one") == ("waiting", None)


@pytest.mark.parametrize(
    ("status", "content", "kind", "code"),
    [
        (503, {}, MirrorAwayError, "http-503"),
        (401, {"error_code": "UNAUTHENTICATED"}, MirrorAwayError, "unauthenticated"),
        (429, "", MirrorAwayError, "http-429"),
        (
            400,
            {"error_code": "INVALID_PARAMETER_VALUE", "message": "a value"},
            MirrorRefusedError,
            "invalid-parameter-value",
        ),
        (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}, MirrorRefusedError, "resource-does-not-exist"),
    ],
)
def test_an_answer_means_away_or_refused_and_only_its_code_is_kept(status, content, kind, code):
    error = _failure(status, content)
    assert (type(error), str(error)) == (kind, code)


@pytest.mark.parametrize("uri", ["mlflow.example", "ftp://x", "http://user:secret@mlflow.example", "sqlite:///x"])
def test_a_tracking_uri_that_cannot_be_meant_is_one_error(tmp_path, uri):
    (tmp_path / "research").mkdir()
    (tmp_path / "research/handoff.yaml").write_text(f"mirrors: {{mlflow: {{tracking_uri: '{uri}'}}}}")
    with pytest.raises(StartError, match="mirrors"):
        Settings.load(tmp_path)
