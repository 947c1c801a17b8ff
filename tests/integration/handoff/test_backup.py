"""A backup is one moment of a handoff that goes on, and what is restored from it is that moment, counted and hashed."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.open import open_database
from handoff.database.tables import Event, Handoff, OutboxRow
from handoff.errors import StartError
from handoff.home import ResearchHome
from handoff.operations.backup import back_up
from handoff.operations.record import BackupRecord
from handoff.operations.restore import RESTORED, restore
from handoff.operations.verify import verify
from handoff.settings import Settings
from handoff.store.make import open_store
from tests.integration.handoff.backings import with_bucket, with_database
from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import (
    CODE,
    RunningHandoff,
    annotated_study,
    batch_of,
    hand_off,
    running,
    starts,
)
from tests.unit.handoff.rows import add_handoff, add_surroundings
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


def take(home: Path, folder: Path, **named: Any) -> BackupRecord:
    """A backup, as the command takes it."""
    with opened(home) as (settings, database, store):
        return back_up(settings, database, store, folder, **named)


def wrong(home: Path) -> int:
    """How many files are not as the rows say."""
    with opened(home) as (_, database, store):
        return len(verify(database, store, digests=True).trouble)


@contextmanager
def opened(home: Path):
    """What a command opens of a home."""
    settings = Settings.load(home)
    database = open_database(settings, ResearchHome.of(home))
    yield settings, database, open_store(settings, ResearchHome.of(home))
    database.close()


class Delivering(threading.Thread):
    """A sender that does not stop; knows each receipt and when it came."""

    def __init__(self, service: RunningHandoff) -> None:
        super().__init__()
        self.service = service
        self.sent: list[tuple[Package, bytes, float]] = []
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.is_set():
            package = Package.of(2, size=20_000)
            answer = self.service.put(f"/v1/shipments/{package.id}", package.body())
            assert answer.status_code == 201
            self.sent.append((package, answer.content, time.time()))


def test_a_backup_taken_while_deliveries_go_on_is_one_moment_and_a_restored_home_takes_the_rest(
    tmp_path, fresh_backing
):
    folder = tmp_path / "backup"
    with running(tmp_path / "home", settings=fresh_backing.settings) as service:
        sender = Delivering(service)
        sender.start()
        wait_for(lambda: len(sender.sent) >= 5, 120)
        before = time.time()
        record = take(service.home, folder)
        wait_for(lambda: len(sender.sent) >= 10 and sender.sent[-1][2] >= record.taken_at + 0.5, 120)
        sender.enough.set()
        sender.join()
    assert record.trouble == ()
    home = empty_home(tmp_path / "restored", fresh_backing.settings)
    restore(folder, home)
    with RestoredHandoff(home).started() as restored:
        known = {shipment.id for shipment in restored.client.shipments()}
        assert len(known) >= 5
        for package, receipt, at in sender.sent:
            assert package.id in known or at > before
            answer = restored.put(f"/v1/shipments/{package.id}", package.body())
            assert answer.status_code == (200 if package.id in known else 201)
            assert answer.content == receipt
    assert wrong(home) == 0


class RestoredHandoff(RunningHandoff):
    """A service of a home whose settings are there already."""

    def __init__(self, home, worker: bool = False) -> None:
        self.home, self.worker, self.environment, self.process = home, worker, {}, None

    def started(self):
        self.start()
        return _Stopping(self)


class _Stopping:
    def __init__(self, service: RunningHandoff) -> None:
        self.service = service

    def __enter__(self) -> RunningHandoff:
        return self.service

    def __exit__(self, *_: object) -> None:
        self.service.stop()


def empty_home(home, settings: dict):
    """A home with nothing but settings: those of the backup, except for a database of its own."""
    (home / "research").mkdir(parents=True)
    if "database_url" in settings:
        settings = {**settings, "database_url": fresh(settings["database_url"])}
    rules = {"rules": {"quiet_seconds": 0.2, "abort_quiet_seconds": 0.4}}
    (home / "research" / "handoff.yaml").write_text(json.dumps({**rules, **settings}))
    return home


def fresh(url: str) -> str:
    """An empty database beside another one."""
    name = f"restored_{uuid4().hex}"
    database = Database(url)
    with database.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    database.close()
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


def test_handoffs_go_on_in_a_restored_home_and_those_that_waited_ask_before_they_send(tmp_path, toy_yaml):
    """The batch names its packages by address, and the home has another one now."""
    folder = tmp_path / "backup"
    with running(tmp_path / "home") as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        annotated_study(service)
        batch = batch_of(service)
        view = hand_off(service, batch)
        take(service.home, folder)
    (tmp_path / "home").rename(tmp_path / "gone")
    home = tmp_path / "restored"
    restore(folder, home)
    settings = Settings.load(home)
    database = open_database(settings, ResearchHome.of(home))
    with database.read() as session:
        assert session.get_one(Handoff, view.id).state == "SUBMITTING"
        assert session.scalars(select(OutboxRow.attempts)).all() == [1]
        assert RESTORED in session.scalars(select(Event.event)).all()
    database.close()
    with RestoredHandoff(home, worker=True).started() as restored:
        done = restored.client.wait(view.id)
        assert (done.state, done.reason) == ("SUCCEEDED", None)
        assert starts(restored, done) == 1
        assert str(tmp_path / "gone") not in restored.store.files.local(f"batches/{batch}/batch.jsonl").read_text()


def test_decisions_taken_while_a_backup_is_taken_are_in_it_or_are_taken_again(tmp_path, fresh_backing):
    """What was accepted before it began is known by the same id; what came later is accepted anew."""
    with running(tmp_path / "home", settings=fresh_backing.settings) as service:
        text = (Path(__file__).parents[3] / "ml/pipelines/prepare.yaml").read_text()
        service.client.register_pipeline("prepare", text, CODE)
        annotated_study(service)
        batch, decided = batch_of(service), Deciding(service)
        decided.batch = batch
        decided.start()
        wait_for(lambda: len(decided.ids) >= 5, 120)
        early = dict(decided.ids)
        take(service.home, tmp_path / "backup")
        decided.enough.set()
        decided.join()
    home = empty_home(tmp_path / "restored", fresh_backing.settings)
    restore(tmp_path / "backup", home)
    with RestoredHandoff(home).started() as restored:
        known = {view.id for view in restored.client.handoffs()}
        assert early.keys() <= known
        for identifier, spec in decided.ids.items():
            view = restored.client.hand_off(kind="prepare", batch=batch, pipeline="prepare", parameters={"spec": spec})
            assert (view.id == identifier) is (identifier in known)


class Deciding(threading.Thread):
    """Somebody who takes one decision after the other."""

    batch = ""

    def __init__(self, service: RunningHandoff) -> None:
        super().__init__()
        self.service = service
        self.ids: dict[str, str] = {}
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.is_set():
            spec = f"spec-{len(self.ids)}"
            facts = {"batch": self.batch, "pipeline": "prepare", "parameters": {"spec": spec}}
            self.ids[self.service.client.hand_off(kind="prepare", **facts).id] = spec


def test_a_handoff_that_waited_for_a_pool_is_ended_as_any_member_may_have_it(tmp_path):
    home = ResearchHome.of(tmp_path / "home")
    home.make()
    home.receipt_key.touch(mode=0o600)
    with opened(tmp_path / "home") as (_, database, _):
        upgrade(database)
    with opened(tmp_path / "home") as (_, database, _), database.write() as session:
        add_surroundings(session)
        add_handoff(session, id="w" * 32, key="w", state="ACCEPTED", pool="gpus", target="gpus")
        add_handoff(session, id="s" * 32, key="s", state="ACCEPTED")
        for name, target in (("w", "gpus"), ("s", "local")):
            session.add(OutboxRow(handoff_id=name * 32, target=target, due_at=0.0))
    record = take(tmp_path / "home", tmp_path / "backup")
    assert record.rows["outbox"] == 2
    (tmp_path / "restored" / "research.restoring" / "research").mkdir(parents=True)  # of a restore that was killed
    restore(tmp_path / "backup", tmp_path / "restored")
    with opened(tmp_path / "restored") as (_, database, _), database.read() as session:
        waits, sent = session.get_one(Handoff, "w" * 32), session.get_one(Handoff, "s" * 32)
        assert (waits.state, waits.reason) == ("CANCELED", RESTORED)
        assert (sent.state, sent.attempts) == ("SUBMITTING", 1)
        assert [row.handoff_id for row in session.scalars(select(OutboxRow))] == ["s" * 32]
    assert not (tmp_path / "restored" / "research.restoring").exists()


def test_a_backup_that_is_killed_is_none_and_goes_on_when_it_is_taken_again(tmp_path):
    folder = tmp_path / "backup"
    with running(tmp_path / "home") as service:
        packages = [Package.of(1, size=1 << 20) for _ in range(6)]
        for package in packages:
            assert service.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
        *_, last = sorted(service.stored(), key=lambda file: file.name)
        aside = last.rename(last.with_suffix(".aside"))
        os.mkfifo(last)  # whoever opens it waits, and so the backup does not come to its end
        command = [sys.executable, "-m", "sluice", "handoff", "backup", "--home", str(service.home), str(folder)]
        with subprocess.Popen(command) as taking:
            try:
                wait_for(lambda: len(list(folder.glob("store/packages/*/*.zip"))) >= 5, 120)
            finally:
                taking.kill()
        aside.rename(last)
        assert not (folder / "backup.json").exists()
        with pytest.raises(StartError, match="did not come to its end"):
            restore(folder, tmp_path / "restored")
        assert not (tmp_path / "restored" / "research").exists()
        record = take(service.home, folder)
        assert (record.rows["shipments"], record.files, record.trouble) == (6, 6, ())
    restore(folder, tmp_path / "restored")
    assert wrong(tmp_path / "restored") == 0


def test_a_database_that_is_not_empty_is_refused(tmp_path, saved, postgresql, template):
    home = tmp_path / "restored"
    (home / "research").mkdir(parents=True)
    (home / "research" / "handoff.yaml").write_text(json.dumps(with_database(postgresql, template)))
    with pytest.raises(StartError, match="has tables already"):
        restore(saved, home)
    assert [item.name for item in (home / "research").iterdir()] == ["handoff.yaml"]


def test_a_small_installation_moves_to_postgresql_and_s3_by_a_backup_and_numbers_go_on(
    tmp_path, postgresql, gateway, toy_yaml
):
    folder = tmp_path / "backup"
    with running(tmp_path / "home") as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        first = annotated_study(service)
        batch = batch_of(service)
        take(service.home, folder)
    settings = {"database_url": postgresql.url(postgresql.database()), **with_bucket(gateway)}
    home = tmp_path / "restored"
    (home / "research").mkdir(parents=True)
    (home / "research" / "handoff.yaml").write_text(json.dumps({"rules": {"quiet_seconds": 0.2}, **settings}))
    restore(folder, home)
    with RestoredHandoff(home).started() as restored:
        lines = restored.lines(restored.client.batch(batch))
        assert all(line.package.startswith("s3://") for line in lines)
        annotated_study(restored, patient="P0002")
        assert {study.study for study in restored.client.studies()} > {first.study}
        assert batch_of(restored) != batch


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A home of three packages whose service goes on."""
    with running(tmp_path_factory.mktemp("still")) as service:
        for package in [Package.of(1) for _ in range(3)]:
            assert service.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
        yield service


@pytest.fixture
def saved(tmp_path, still):
    """A backup of it."""
    take(still.home, tmp_path / "saved")
    return tmp_path / "saved"


def test_a_home_that_is_not_empty_is_refused_and_stays_as_it_is(saved, still):
    before = sorted(still.home.iterdir())
    with pytest.raises(StartError, match="is not empty"):
        restore(saved, still.home)
    assert sorted(still.home.iterdir()) == before
    assert len(list(still.client.shipments())) == 3


@pytest.mark.parametrize("spoil", ["handoff.db", "files.jsonl", "home/token", "store"])
def test_a_backup_with_a_changed_byte_is_refused_and_leaves_no_home(tmp_path, saved, spoil):
    file = next((saved / "store").rglob("*.zip")) if spoil == "store" else saved / spoil
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(StartError, match="is not what the backup wrote"):
        restore(saved, tmp_path / "restored")
    assert not (tmp_path / "restored" / "research").exists()


def test_a_folder_that_holds_something_is_not_written_to(saved, still, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    for folder in (saved, tmp_path / "other"):
        with pytest.raises(StartError, match=r"holds a backup|is not empty"):
            take(still.home, folder)


def test_the_next_backup_links_what_the_last_one_has_and_stands_alone(tmp_path, saved, still):
    package = Package.of(1)
    still.put(f"/v1/shipments/{package.id}", package.body())
    take(still.home, tmp_path / "next", like=saved)
    links = sorted(file.stat().st_nlink for file in (tmp_path / "next" / "store").rglob("*.zip"))
    assert links == [1, 2, 2, 2]
    shutil.rmtree(saved)
    restore(tmp_path / "next", tmp_path / "restored")
    assert wrong(tmp_path / "restored") == 0


def test_nobody_else_may_read_a_backup(saved):
    assert saved.stat().st_mode & 0o077 == 0


def test_a_file_that_is_gone_or_changed_is_named_and_all_others_are_saved(tmp_path):
    with running(tmp_path / "home") as service:
        for package in [Package.of(1) for _ in range(3)]:
            service.put(f"/v1/shipments/{package.id}", package.body())
        gone, changed, _ = service.stored()
    gone.unlink()
    changed.write_bytes(b"x" * changed.stat().st_size)
    record = take(tmp_path / "home", tmp_path / "backup")
    assert sorted(item.what for item in record.trouble) == ["damaged", "missing"]
    assert record.files == 1
    assert wrong(tmp_path / "home") == 2
