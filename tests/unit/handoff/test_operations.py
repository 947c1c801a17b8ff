"""What is removed after its days, what a scrape costs, and what readiness says."""

import contextlib
import errno
import os
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event, select

from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import AuditRecord, IdempotentRequest, WorkerPulse
from handoff.drain import Drain
from handoff.errors import StoreDownError
from handoff.home import ResearchHome
from handoff.operations import readiness
from handoff.operations.rehome import Move, moved
from handoff.operations.retention import DAY, Retention, remove_old
from handoff.settings import Settings
from handoff.store.durable import write_durably
from handoff.store.files import Folder, held, room
from handoff.store.incoming import Spool
from handoff.store.make import open_store
from handoff.telemetry.census import Census
from handoff.telemetry.metrics import DatabaseMetrics
from handoff.telemetry.pulse import LATE_SECONDS, Pulse, working
from tests.unit.handoff.rows import add_handoff, add_surroundings

NOW = 1000 * DAY


@pytest.fixture
def home(tmp_path):
    home = ResearchHome.of(tmp_path)
    home.make()
    return home


@pytest.fixture
def database(home):
    database = Database(sqlite_url(home.database))
    upgrade(database)
    yield database
    database.close()


def run_folder(home, database, key: str, ended_days_ago: float | None) -> object:
    """A local run as it is left, and its handoff."""
    folder = home.runs / key
    (folder / "artifacts" / "deep").mkdir(parents=True)
    for name in ("run.json", "started.json", "ended.json", "log.txt", "artifacts/deep/large.bin"):
        (folder / name).touch()
    ended = None if ended_days_ago is None else NOW - ended_days_ago * DAY
    with database.write() as session:
        add_handoff(session, id=key, key=key, state="SUCCEEDED" if ended else "RUNNING", ended_at=ended)
    return folder


def names(folder) -> set[str]:
    return {item.name for item in folder.iterdir()}


CLAIM = {"run.json", "started.json", "ended.json"}


def test_of_a_run_its_claim_stays_for_ever_its_log_for_long_and_the_rest_for_some_days(home, database):
    with database.write() as session:
        add_surroundings(session)
    going_on, young, old, ancient = (
        run_folder(home, database, key, days) for key, days in (("a", None), ("b", 29), ("c", 31), ("d", 366))
    )
    whole = CLAIM | {"log.txt", "artifacts"}
    for removed in (2, 0):
        assert remove_old(database, home, Retention(), NOW).runs == removed
        assert [names(folder) for folder in (going_on, young, old, ancient)] == [
            whole,
            whole,
            CLAIM | {"log.txt"},
            CLAIM,
        ]


def test_a_folder_of_no_known_handoff_is_left_alone(home, database):
    (home.runs / "stranger").mkdir()
    (home.runs / "stranger" / "thesis.txt").touch()
    remove_old(database, home, Retention(run_days=0, log_days=0), NOW)
    assert names(home.runs / "stranger") == {"thesis.txt"}


def test_records_are_kept_for_ever_unless_the_site_says_otherwise_and_answers_for_a_week(home, database):
    with database.write() as session:
        for number in range(2500):
            at = NOW - (8 if number % 2 else 6) * DAY
            facts = {"principal": "p", "at": at}
            session.add(AuditRecord(role="admin", action="a", subject="s", status=200, **facts))
            session.add(IdempotentRequest(key=str(number), request_digest="", **facts))
    assert remove_old(database, home, Retention(), NOW).rows == 1250
    assert remove_old(database, home, Retention(audit_days=7), NOW).rows == 1250
    with database.read() as session:
        assert len(session.scalars(select(AuditRecord.id)).all()) == 1250


def test_a_scrape_does_not_count_what_grows_without_end(database):
    metrics = DatabaseMetrics(database)
    list(metrics.collect())
    asked = []
    event.listen(database.reader, "before_cursor_execute", lambda *call: asked.append(call[2]))
    found = {family.name for family in metrics.collect()}
    assert {"sluice_instances", "sluice_studies", "sluice_handoffs"} <= found
    assert not [statement for statement in asked if "FROM instances" in statement or "FROM studies" in statement]


def test_a_census_that_is_old_is_taken_anew_beside_the_scrape(database):
    census = Census(database, period_seconds=0.0)
    census.look()
    with database.write() as session:
        add_surroundings(session)
    census._due_at = 0.001
    census.look()
    for thread in threading.enumerate():
        if thread.name == "census":
            thread.join(60)
    assert census._due_at > 0.001


def examine(home, database, **said):
    settings = Settings.load(home.root.parent)
    facts = {"closer": True, "stopping": False, **said}
    return readiness.examine(settings, home, database, open_store(settings, home), **facts)


def test_readiness_names_a_target_without_a_worker_and_takes_deliveries_all_the_same(home, database):
    health = examine(home, database)
    assert (health.ok, health.missing, health.workers) == (True, ("worker:local",), {"local": "none"})
    pulse = Pulse(database, "w", "local")
    pulse.beat()
    assert examine(home, database).missing == ()
    pulse.end()
    assert examine(home, database).workers == {"local": "none"}


def test_a_worker_that_says_nothing_any_more_is_late(database):
    Pulse(database, "w", "local").beat()
    with database.read() as session:
        seen = session.get_one(WorkerPulse, "w").seen_at
        assert working(session, ["local"], seen + LATE_SECONDS - 1) == {"local": "ok"}
        assert working(session, ["local"], seen + LATE_SECONDS) == {"local": "late"}


def test_readiness_sees_a_database_that_a_newer_version_migrated(home, database):
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    health = examine(home, database)
    assert (health.ok, health.db_schema, health.missing) == (False, "other", ("schema",))


@pytest.mark.parametrize("said", [{"closer": False}, {"stopping": True}])
def test_readiness_is_refused_while_a_part_does_not_work(home, database, said):
    assert examine(home, database, **said).ok is False


def test_a_disk_that_takes_no_byte_is_no_store(tmp_path, monkeypatch):
    def fail(code):
        def fsync(_descriptor):
            raise OSError(code, os.strerror(code))

        return fsync

    assert room(tmp_path) == "ok"
    for code, condition in ((errno.EIO, "failed"), (errno.EROFS, "failed"), (errno.EDQUOT, "full")):
        monkeypatch.setattr(os, "fsync", fail(code))
        assert room(tmp_path) == condition
    assert room(tmp_path / "gone") == "failed"


def test_a_file_that_is_missing_is_not_a_store_that_is_gone(tmp_path):
    (tmp_path / "store").mkdir()
    files = Folder(tmp_path / "store")
    for place in (files, files.below("results")):
        with pytest.raises(FileNotFoundError):
            place.size("a")
    (tmp_path / "store").rmdir()
    for place in (files, files.below("results")):
        with pytest.raises(StoreDownError):
            place.size("a")
        with pytest.raises(StoreDownError):
            list(place.read("a"))


def test_the_bytes_of_a_held_file_go_after_its_name(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 1000)
    folder = Folder(tmp_path)
    with held(folder, "large"):
        folder.remove("large")
        assert list(tmp_path.iterdir()) == []
        assert [size for path, size in open_files() if path.startswith(str(tmp_path))] == [1000]
    assert [path for path, _ in open_files() if path.startswith(str(tmp_path))] == []


def open_files() -> list[tuple[str, int]]:
    """Paths and sizes of what this process has open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append((str(link.readlink()), link.stat().st_size))
    return found


def test_what_is_absent_need_not_be_held(tmp_path):
    with held(Folder(tmp_path), "absent"):
        assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_is_swept_and_what_is_being_written_stays(tmp_path):
    spool = Spool(tmp_path)
    for name in ("dead.part", "dead.out"):
        (tmp_path / name).touch()
    alive = spool.receive()
    assert spool.sweep() == 2
    assert list(tmp_path.iterdir()) == [alive.path]
    alive.discard()


def test_a_file_that_is_written_again_removes_what_a_killed_writer_left_beside_it(tmp_path, monkeypatch):
    (tmp_path / ".batch.jsonl.0123abcd").touch()
    (tmp_path / ".other.jsonl.0123abcd").touch()
    write_durably(tmp_path / "batch.jsonl", [b"x"])  # another writer may have begun just now
    assert ".batch.jsonl.0123abcd" in names(tmp_path)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    write_durably(tmp_path / "batch.jsonl", [b"x"])
    assert names(tmp_path) == {"batch.jsonl", ".other.jsonl.0123abcd"}


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def blocks():
        yield b"x"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_durably(tmp_path / "file", blocks())
    assert names(tmp_path) == set()


def test_what_is_being_kept_is_waited_for_when_the_service_ends():
    drain, kept = Drain(0), threading.Event()
    with drain.keeping():
        assert drain.wait(0.01) is False
        waiting = threading.Thread(target=lambda: kept.set() if drain.wait(60) else None)
        waiting.start()
    waiting.join()
    assert kept.is_set()


def test_uploads_have_time_after_the_first_word_only():
    drain = Drain(3600)
    assert (drain.begun, drain.over) == (False, False)
    drain.begin()
    assert (drain.begun, drain.over) == (True, False)
    short = Drain(0)
    short.begin()
    assert short.over is True


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_addresses_are_replaced_wherever_blocks_of_lines_end(size):
    text = b'{"package":"file:///old/store/packages/a.zip"}\n{"uri":"file:///old/store-2/x"}\n{"id":1}\n'
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    changes = [Move("file:///old/store", "s3://new/place")]
    expected = text.replace(b"file:///old/store/", b"s3://new/place/")
    assert b"".join(moved(blocks, changes)) == expected
