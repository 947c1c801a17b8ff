"""The ledger file: durable settings, one migration, honest errors."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from processors.ledger.errors import LedgerTooNewError, LedgerUnreadableError
from processors.ledger.schema import MIGRATIONS, connect, connect_readonly, record_event, transaction


def test_a_new_ledger_is_private_and_survives_a_power_cut(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "ledger.db")) as connection:
        pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    def start(_: int) -> int:
        with closing(connect(tmp_path / "ledger.db")) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(start, range(8))) == {len(MIGRATIONS)}


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_ledger_of_each_earlier_version_opens_and_keeps_its_rows(tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as old:
        for statement in (each for statements in MIGRATIONS[:version] for each in statements):
            old.execute(statement)
        old.execute(f"PRAGMA user_version = {version}")
        for id_ in ("d1", "d2"):
            old.execute(
                "INSERT INTO deliveries (id, association_id, called_ae, study_uid, series_uid, opened_at,"
                " instance_count, bytes, state) VALUES (?, 'a', 'LUNG', '1.2', '1.3', 1.0, 1, 10, 'terminal')",
                (id_,),
            )
        old.execute("INSERT INTO events (at, subject, event) VALUES (5.0, 'd1', 'removed')")
        if version >= 5:
            old.execute("UPDATE deliveries SET removed_at = 5.0 WHERE id = 'd1'")
        old.commit()
    with closing(connect(tmp_path / "new.db")) as new, closing(connect(tmp_path / "ledger.db")) as opened:
        assert _columns(opened) == _columns(new)
        rows = opened.execute("SELECT id, removed_at FROM deliveries ORDER BY id")
        assert [tuple(row) for row in rows] == [("d1", 5.0), ("d2", None)]
        assert opened.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def _columns(ledger: sqlite3.Connection) -> dict[str, list[str]]:
    """Of each table and index."""
    names = [row[0] for row in ledger.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")]
    tables = {name: [row["name"] for row in ledger.execute(f"PRAGMA table_info({name})")] for name in names}
    indexes = {name: [row["name"] for row in ledger.execute(f"PRAGMA index_info({name})")] for name in names}
    return {name: tables[name] or indexes[name] for name in names}


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "ledger.db")) as connection:
        with pytest.raises(sqlite3.IntegrityError), transaction(connection):
            connection.executemany(
                "INSERT INTO events (at, subject, event) VALUES (1.0, ?, ?)", [("a", "b"), ("a", None)]
            )
        assert connection.execute("SELECT count(*) FROM events").fetchone()[0] == 0


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    connect(tmp_path / "ledger.db").close()
    with (
        closing(connect_readonly(tmp_path / "ledger.db")) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        record_event(connection, 1.0, "a", "b")


def test_a_reader_never_waits_for_a_writer(tmp_path: Path) -> None:
    with (
        closing(connect(tmp_path / "ledger.db")) as writer,
        closing(connect_readonly(tmp_path / "ledger.db")) as reader,
        transaction(writer),
    ):
        record_event(writer, 1.0, "a", "b")
        assert reader.execute("SELECT count(*) FROM events").fetchone()[0] == 0


def test_a_later_ledger_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "ledger.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    for opening in (connect, connect_readonly):
        with pytest.raises(LedgerTooNewError, match="version 999") as caught:
            opening(tmp_path / "ledger.db")
        assert caught.value.remedy


def test_what_is_no_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(LedgerUnreadableError) as caught:
        connect(tmp_path / "ledger.db")
    assert "rebuild" in caught.value.remedy


def test_a_missing_ledger_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnreadableError):
        connect_readonly(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


def test_a_second_connection_of_a_process_leaves_the_first_its_locks(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops all locks that a process has on it (POSIX), SQLite's too.

    Another process would then take itself for the last one as it closes, and delete the log that we write to.
    """
    file = tmp_path / "ledger.db"
    with closing(connect(file)) as first, closing(connect(file)) as second:
        first.execute("BEGIN").connection.execute("SELECT count(*) FROM events").fetchone()
        first.execute("COMMIT")
        other = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM events'); c.close()"
        )
        subprocess.run([sys.executable, "-c", other, str(file)], check=True)
        with transaction(second) as ledger:
            record_event(ledger, 1.0, "a", "b")
        with closing(sqlite3.connect(file)) as third:
            assert third.execute("SELECT count(*) FROM events").fetchone() == (1,)
        assert file.with_name("ledger.db-wal").exists()
