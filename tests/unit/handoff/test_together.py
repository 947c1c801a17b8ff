"""Short writes of many threads share one wait for the disk, and nothing else."""

import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import TargetPlace
from tests.waiting import wait_for


@pytest.fixture
def database(tmp_path):
    database = Database(sqlite_url(tmp_path / "handoff.db"))
    upgrade(database)
    yield database
    database.close()


def places(database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(TargetPlace.target).order_by(TargetPlace.target)))


def put(name: str):
    def work(session) -> str:
        session.add(TargetPlace(target=name, place="here"))
        session.flush()
        return name

    return work


def crowd(database, names: list[str]) -> dict[str, object]:
    """All of them in line before the first gets its turn; what each got."""
    got: dict[str, object] = {}

    def do(name: str) -> None:
        try:
            got[name] = database.together(put(name.partition("-")[0]))
        except IntegrityError as error:
            got[name] = error

    with in_line(database) as put_in:
        for name in names:
            put_in(do, name)
    return got


@contextmanager
def in_line(database):
    """What starts a thread and returns when its work is in the line; nobody has a turn before the end."""
    line, threads = database._together._line, []

    def put_in(target, *arguments) -> None:
        threads.append(threading.Thread(target=target, args=arguments))
        threads[-1].start()
        wait_for(lambda: len(line) == len(threads))

    with database._together._turn:
        yield put_in
    [thread.join() for thread in threads]


def test_those_who_wait_for_one_commit_are_done_with_the_next(database):
    commits = []
    event.listen(database.writer, "commit", commits.append)
    names = [f"n{number:02}" for number in range(40)]
    assert crowd(database, names) == {name: name for name in names}
    assert places(database) == names
    assert len(commits) == 1


def test_one_that_fails_undoes_only_itself(database):
    got = crowd(database, ["a", "b", "a-again", "c"])
    failed = [name for name, result in got.items() if isinstance(result, IntegrityError)]
    assert len(failed) == 1
    assert failed[0] in {"a", "a-again"}
    assert places(database) == ["a", "b", "c"]


def test_one_that_raises_before_it_wrote_lets_nobody_do_his_work_again(database):
    called, refused = [], []

    def do(name: str) -> None:
        def work(session) -> str:
            called.append(name)
            if name == "refused":
                raise LookupError(name)
            return put(name)(session)

        try:
            database.together(work)
        except LookupError as error:
            refused.append(error)

    threads = [threading.Thread(target=do, args=(name,)) for name in ("a", "b", "refused", "c", "d")]
    with database.write() as session:
        session.execute(select(TargetPlace))
        [thread.start() for thread in threads]
        threads[0].join(0.2)
    [thread.join() for thread in threads]
    assert sorted(called) == ["a", "b", "c", "d", "refused"]
    assert len(refused) == 1
    assert places(database) == ["a", "b", "c", "d"]


def test_a_commit_that_fails_is_told_to_all_and_the_next_goes_on(database):
    def refuse(_connection) -> None:
        event.remove(database.writer, "commit", refuse)
        raise OperationalError("COMMIT", None, Exception("disk"))

    event.listen(database.writer, "commit", refuse)
    with pytest.raises(OperationalError):
        database.together(put("a"))
    assert places(database) == []
    assert database.together(put("a")) == "a"
    assert places(database) == ["a"]


def test_a_transaction_that_the_database_ended_by_itself_is_success_to_nobody(database):
    """SQLite takes a whole transaction back when the disk is full, and then commits nothing without a word."""

    def full(session) -> str:
        session.connection().connection.cursor().execute("ROLLBACK")
        raise OperationalError("INSERT", None, Exception("database or disk is full"))

    got: dict[str, object] = {}

    def do(name: str, work) -> None:
        try:
            got[name] = database.together(work)
        except SQLAlchemyError as error:
            got[name] = type(error)

    works = {"first": put("first"), "a": put("a"), "full": full, "b": put("b")}
    with in_line(database) as put_in:
        for each in works.items():
            put_in(do, *each)
    assert {name for name, result in got.items() if result == name} == set(places(database))
    assert got["full"] is OperationalError
    assert database.together(put("c")) == "c"
