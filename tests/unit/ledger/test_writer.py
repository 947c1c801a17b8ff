"""The receiver's one writer to the ledger."""

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from processors.landing.journal import AssociationFacts
from processors.ledger import associations
from processors.ledger.curable import cure_of
from processors.ledger.errors import LedgerUnreadableError
from processors.ledger.schema import connect, transaction
from processors.ledger.writer import MOST_ROWS, LedgerWriter, Work
from tests.waiting import wait_for


def test_a_ledger_that_cannot_be_opened_is_heard_of_by_whoever_starts_the_writer(tmp_path):
    """Were it heard of in the thread alone, instances would be acknowledged and never entered."""
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerUnreadableError):
        LedgerWriter(tmp_path / "ledger.db", lambda _event, _error: None)


def test_work_is_done_in_the_order_in_which_it_was_submitted_and_before_the_end(tmp_path):
    done: list[int] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda _event, _error: None)
    for number in range(100):
        writer.submit(lambda _connection, number=number: done.append(number))
    writer.close()
    assert done == list(range(100))


def test_a_fault_in_one_work_is_told_and_the_next_work_is_done(tmp_path):
    told: list[str] = []
    done: list[str] = []

    def fault(_connection):
        raise KeyError

    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, _error: told.append(event))
    writer.submit(fault)
    writer.submit(lambda _connection: done.append("next"))
    writer.close()
    assert (told, done) == (["ledger-fault"], ["next"])


def test_a_process_that_fails_beside_its_writer_ends(tmp_path: Path) -> None:
    """Who waits for its listening line would wait for ever."""
    fails = (
        "import sys; from pathlib import Path; from processors.ledger.writer import LedgerWriter\n"
        "LedgerWriter(Path(sys.argv[1]), print); raise SystemExit(3)"
    )
    ended = subprocess.run([sys.executable, "-c", fails, str(tmp_path / "ledger.db")], check=False, timeout=120)
    assert ended.returncode == 3


class Blocked:
    """A work that holds the writer, so that what is submitted meanwhile waits together."""

    def __init__(self, writer: LedgerWriter) -> None:
        self._go_on, begun = threading.Event(), threading.Event()

        def wait(_connection: sqlite3.Connection) -> None:
            begun.set()
            self._go_on.wait(60)

        writer.submit(wait)
        begun.wait(60)

    def end(self) -> None:
        self._go_on.set()


def commits(statements: Sequence[str]) -> int:
    return statements.count("COMMIT")


def adds(id_: str) -> Callable[[sqlite3.Connection], object]:
    facts = AssociationFacts(id=id_ * 32, opened_at=1.0, calling_ae="CT1", called_ae="LUNG", peer="192.0.2.1")
    return lambda connection: associations.add_open(connection, facts)


def test_what_comes_while_the_writer_is_busy_is_committed_together(tmp_path: Path) -> None:
    news: list[str] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda *_: None, lambda: news.append("entered"))
    statements: list[str] = []
    blocked = Blocked(writer)
    for id_ in "abcdef":
        writer.submit(Work(adds(id_), then=lambda id_=id_: news.append(id_)))  # type: ignore[misc]
    writer._connection.set_trace_callback(statements.append)
    blocked.end()
    writer.close()
    assert commits(statements) == 2  # what blocked, and all of them
    assert news == ["entered", *"abcdef", "entered"]


@pytest.mark.parametrize("step", ["prepare", "enter"])
def test_one_work_that_cannot_be_done_takes_nothing_from_those_beside_it(tmp_path: Path, step: str) -> None:
    told, done = [], []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, error: told.append((event, type(error))))

    def fault(_: object) -> None:
        raise KeyError

    blocked = Blocked(writer)
    writer.submit(Work(adds("a"), then=lambda: done.append("a")))
    writer.submit(
        Work(
            fault if step == "enter" else adds("b"),
            fault if step == "prepare" else None,
            lambda: done.append("b"),
        )
    )
    writer.submit(Work(adds("c"), then=lambda: done.append("c")))
    blocked.end()
    writer.close()
    assert (told, done) == ([("ledger-fault", KeyError)], ["a", "c"])
    with closing(connect(tmp_path / "ledger.db")) as ledger:
        assert associations.known_ids(ledger) == {"a" * 32, "c" * 32}


def test_what_the_database_refuses_for_a_while_is_done_later_and_in_order(tmp_path: Path) -> None:
    told: list[str] = []
    done: list[str] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, _error: told.append(event))
    refusals = [sqlite3.OperationalError("database is locked") for _ in range(3)]

    def refused(connection: sqlite3.Connection) -> None:
        if refusals:
            raise refusals.pop()
        adds("a")(connection)

    blocked = Blocked(writer)
    writer.submit(Work(refused, then=lambda: done.append("a")))
    writer.submit(Work(adds("b"), then=lambda: done.append("b")))
    blocked.end()
    wait_for(lambda: done == ["a", "b"])
    writer.close()
    assert told == ["ledger-retry"] * 2  # the first one was of all together


def test_a_ledger_that_is_busy_at_the_end_is_waited_for_once_and_not_for_each_entry(tmp_path: Path) -> None:
    """Each wait is seconds long; the next start enters what is left."""
    tried: list[str] = []

    def refused(name: str) -> Callable[[sqlite3.Connection], object]:
        def enter(_: sqlite3.Connection) -> None:
            tried.append(name)
            raise sqlite3.OperationalError("database is locked")

        return enter

    writer = LedgerWriter(tmp_path / "ledger.db", lambda *_: None)
    blocked = Blocked(writer)
    for name in "abc":
        writer.submit(refused(name))
    writer._closing.set()
    blocked.end()
    writer.close()
    assert tried == ["a", "a"]  # with the others, and alone


def insert_again(connection: sqlite3.Connection) -> None:
    """What no later attempt makes good."""
    for _ in range(2):
        connection.execute("INSERT INTO performed_lists (id, step_id, revision) VALUES ('b', 'b', 1)")


@pytest.mark.parametrize(
    "fault",
    [
        insert_again,
        lambda connection: connection.execute("INSERT INTO events (at) VALUES (?)", ()),
        lambda connection: connection.execute("SELECT ?", (object(),)),
    ],
    ids=["a constraint", "a value too few", "a value of no type"],
)
def test_what_the_database_refuses_for_good_is_given_up_and_told_and_the_next_is_done(
    tmp_path: Path, fault: Callable[[sqlite3.Connection], object]
) -> None:
    told: list[str] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, _error: told.append(event))
    writer.submit(Work(fault, given_up=lambda: told.append("given up"), rows=7))
    writer.submit(adds("a"))
    wait_for(lambda: writer.waiting == 0)
    assert not writer.is_broken
    writer.close()
    assert told == ["ledger-fault", "given up"]
    with closing(connect(tmp_path / "ledger.db")) as ledger:
        assert associations.known_ids(ledger) == {"a" * 32}


def test_a_ledger_that_only_a_person_can_mend_is_told_as_broken_until_it_is_mended(tmp_path: Path) -> None:
    told: list[str] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, _error: told.append(event))
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as person:
        person.execute("ALTER TABLE associations RENAME TO elsewhere")
        for id_ in "abc":
            writer.submit(adds(id_))
        wait_for(lambda: writer.is_broken)
        assert writer.waiting == 3
        person.execute("ALTER TABLE elsewhere RENAME TO associations")
    wait_for(lambda: writer.waiting == 0)
    assert not writer.is_broken
    writer.close()
    assert set(told) == {"ledger-broken"}
    with closing(connect(tmp_path / "ledger.db")) as ledger:
        assert associations.known_ids(ledger) == {id_ * 32 for id_ in "abc"}


def coded(code: int | None) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError()
    if code is not None:
        error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (OSError(), "time"),
        (coded(None), "time"),
        (coded(sqlite3.SQLITE_BUSY_SNAPSHOT), "time"),
        (coded(sqlite3.SQLITE_FULL), "time"),
        (coded(sqlite3.SQLITE_IOERR_FSYNC), "time"),
        (coded(sqlite3.SQLITE_CORRUPT_INDEX), "person"),
        (coded(sqlite3.SQLITE_NOTADB), "person"),
        (coded(sqlite3.SQLITE_READONLY_DIRECTORY), "person"),
        (coded(sqlite3.SQLITE_CONSTRAINT_UNIQUE), "none"),
        (sqlite3.ProgrammingError(), "none"),
        (KeyError(), "none"),
    ],
)
def test_what_may_cure_an_error(error: BaseException, cure: str) -> None:
    assert cure_of(error) == cure


def _ends_by_itself(ledger: sqlite3.Connection) -> None:
    ledger.execute("ROLLBACK")
    raise sqlite3.OperationalError("disk full")


def test_a_transaction_that_the_database_has_ended_by_itself_says_what_was_wrong(tmp_path: Path) -> None:
    """Not that there is nothing to roll back."""
    with closing(connect(tmp_path / "ledger.db")) as ledger:
        with pytest.raises(sqlite3.OperationalError, match="disk full"), transaction(ledger):
            _ends_by_itself(ledger)
        with transaction(ledger):
            adds("a")(ledger)
        assert associations.known_ids(ledger) == {"a" * 32}


def test_rows_are_written_only_when_the_files_of_all_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real = os.fsync

    def synced(descriptor: int) -> None:
        steps.append("sync")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    writer = LedgerWriter(tmp_path / "ledger.db", lambda *_: None)
    blocked = Blocked(writer)
    for name in "ab":
        writer.submit(
            Work(
                lambda _: steps.append("enter"),
                lambda files, name=name: files.write(tmp_path / name, b"content"),  # type: ignore[misc]
                lambda: steps.append("then"),
            )
        )
    blocked.end()
    writer.close()
    assert steps == ["sync"] * 3 + ["enter"] * 2 + ["then"] * 2  # two files, and their folder once
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"content"


def test_one_transaction_holds_no_more_than_others_can_wait_for(tmp_path: Path) -> None:
    statements: list[str] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda *_: None)
    blocked = Blocked(writer)
    for _ in range(4):
        writer.submit(Work(lambda _: None, rows=MOST_ROWS // 2))
    blocking = 1
    assert writer.waiting == blocking + 4 * (MOST_ROWS // 2)  # rows, as the memory that they hold grows with them
    writer._connection.set_trace_callback(statements.append)
    blocked.end()
    writer.close()
    assert commits(statements) == 3


def test_what_is_told_and_fails_undoes_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, _error: told.append(event))
    blocked = Blocked(writer)
    writer.submit(Work(adds("a"), then=lambda: 1 / 0))
    writer.submit(adds("b"))
    blocked.end()
    writer.close()
    assert told == ["ledger-fault"]
    with closing(connect(tmp_path / "ledger.db")) as ledger:
        assert associations.known_ids(ledger) == {"a" * 32, "b" * 32}


def test_what_is_submitted_by_the_last_that_is_told_is_done_too(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path / "ledger.db", lambda *_: None)
    blocked = Blocked(writer)
    writer.submit(Work(adds("a"), then=lambda: writer.submit(adds("b"))))
    closing_writer = threading.Thread(target=writer.close)
    closing_writer.start()
    wait_for(writer._closing.is_set)
    blocked.end()
    closing_writer.join(60)
    with closing(connect(tmp_path / "ledger.db")) as ledger:
        assert associations.known_ids(ledger) == {"a" * 32, "b" * 32}


def test_what_is_told_is_told_until_the_disk_lets(tmp_path: Path) -> None:
    """What an association leaves must not stay for want of a moment's room."""
    told: list[str] = []
    done: list[str] = []
    failures = [OSError(errno.ENOSPC, "no space")] * 2

    def then() -> None:
        if failures:
            raise failures.pop()
        done.append("a")

    writer = LedgerWriter(tmp_path / "ledger.db", lambda event, _error: told.append(event))
    writer.submit(Work(adds("a"), then=then))
    writer.submit(Work(adds("b"), then=lambda: done.append("b")))
    wait_for(lambda: done == ["a", "b"])
    writer.close()
    assert told == ["ledger-retry"] * 2
