"""What only PostgreSQL, S3 or several homes on one database can show."""

import json
import shutil
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from handoff.database.engine import Database
from handoff.database.migrate import require_current, upgrade
from handoff.database.tables import Batch, Event, Handoff, OutboxRow, PipelineVersion
from handoff.errors import StartError
from handoff.handoffs.outbox import settle, take
from handoff.handoffs.queue import Queue, due_rows
from handoff.handoffs.states import State, note, transition
from handoff.handoffs.submit import Submission
from handoff.service import Service
from handoff.settings import Settings
from tests.integration.handoff.backings import with_bucket, with_database
from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import CODE, RunningHandoff, annotated_study, batch_of, hand_off, running, starts
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
ID = "a" * 32


@pytest.fixture
def database(postgresql, template):
    database = Database(postgresql.url(postgresql.database(template)))
    yield database
    database.close()


def test_replicas_that_start_at_once_migrate_one_database_once(postgresql):
    url = postgresql.url(postgresql.database())
    failures = []

    def start() -> None:
        database = Database(url)
        try:
            upgrade(database)
            require_current(database)
        except StartError as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failures == []


def accepted(database: Database) -> None:
    """A handoff that events can be written of."""
    with database.write() as session:
        facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
        session.add(Batch(id="b", facts={}, created_at=0.0, **facts))
        session.add(PipelineVersion(id="p", name="p", yaml_digest="", code_digest="", inputs={}, registered_at=0.0))
        session.flush()
        facts = {"kind": "prepare", "project": "lungs", "batch_id": "b", "target": "local", "pipeline_id": "p"}
        session.add(Handoff(id=ID, key="k", parameters={}, state="ACCEPTED", created_at=0.0, **facts))


def test_a_poller_that_goes_on_after_the_last_event_misses_none_that_commits_later(database):
    """The first writer has its id before the second begins, and commits after the second would have."""
    accepted(database)
    wrote, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with database.write() as session:
            note(session, session.get_one(Handoff, ID), "slow")
            session.flush()
            wrote.set()
            may_commit.wait(100)

    def quick() -> None:
        with database.write() as session:
            note(session, session.get_one(Handoff, ID), "quick")

    def poll(after: int) -> list[tuple[int, str]]:
        with database.read() as session:
            found = select(Event.id, Event.event).where(Event.id > after).order_by(Event.id)
            return [(identifier, event) for identifier, event in session.execute(found)]

    first, second = threading.Thread(target=slow), threading.Thread(target=quick)
    first.start()
    assert wrote.wait(100)
    second.start()
    second.join(0.3)
    seen = poll(0)
    may_commit.set()
    first.join()
    second.join()
    seen += poll(seen[-1][0] if seen else 0)
    assert [event for _, event in seen] == ["slow", "quick"]


def test_a_handoff_that_is_ended_while_a_worker_takes_it_is_not_begun(database):
    """The worker has the lease before the person's end is committed, and decides after it."""
    accepted(database)
    with database.write() as session:
        session.add(OutboxRow(handoff_id=ID, target="local", due_at=0.0))
    with database.write() as session:
        queue = Queue("local", places=1)
        (row_id,) = due_rows(session, queue, time.time())
        assert take(session, queue, row_id, "we", time.time())
    worker = threading.Thread(target=Submission(database, None, None, None, "we").submit, args=[ID])
    with database.write() as session:
        handoff = session.get_one(Handoff, ID, with_for_update=True)
        worker.start()
        worker.join(0.3)
        settle(session, ID)
        transition(session, handoff, State.CANCELED, "asked")
    worker.join(100)
    with database.read() as session:
        assert session.get_one(Handoff, ID).state == State.CANCELED


def test_a_database_that_is_not_there_is_one_error_with_a_remedy_and_without_its_password(tmp_path, postgresql):
    (tmp_path / "research").mkdir()
    url = postgresql.url("nowhere").replace(postgresql.password, "wrong-password")
    settings = {"database_url": url, "database_wait_seconds": 0}
    (tmp_path / "research" / "handoff.yaml").write_text(json.dumps(settings))
    with pytest.raises(StartError, match="does not answer") as error:
        Service.open(Settings.load(tmp_path))
    assert "28P01" in str(error.value)
    assert "wrong-password" not in str(error.value) + error.value.remedy


def test_the_password_may_come_from_a_file(tmp_path, postgresql, template):
    (tmp_path / "research").mkdir()
    (tmp_path / "password").write_text(f"{postgresql.password}\n")
    url = postgresql.url(postgresql.database(template)).replace(f":{postgresql.password}@", "@")
    settings = {"database_url": url, "database_password_file": str(tmp_path / "password")}
    (tmp_path / "research" / "handoff.yaml").write_text(json.dumps(settings))
    service = Service.open(Settings.load(tmp_path))
    service.database.close()


def test_kept_files_carry_no_time_of_their_arrival(tmp_path):
    with running(tmp_path) as service:
        annotated_study(service)
        batch_of(service)
        kept = [path for path in service.stored() if path.suffix in {".zip", ".jsonl"}]
        assert len(kept) == 3
        assert {path.stat().st_mtime for path in kept} == {0.0}


def test_one_package_twice_is_one_object_of_s3_with_its_size_and_no_part_is_left(tmp_path, gateway):
    with running(tmp_path, settings=with_bucket(gateway)) as service:
        package = Package.of(2, size=9 << 20)  # more than one part of an upload
        body = package.body()
        answers = [service.put(f"/v1/shipments/{package.id}", body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        (stored,) = service.stored()
        assert service.store.files.size(str(stored)) == len(body)
        secret = gateway.secret_key
        assert secret not in (tmp_path / "service.log").read_text()


def twin(home: Path, other: RunningHandoff, settings: dict) -> RunningHandoff:
    """A second home of the same database, store, tokens and receipt key."""
    (home / "research" / "keys").mkdir(parents=True)
    for name in ("token", "api-token", "keys/receipt.key"):
        shutil.copy2(other.home / "research" / name, home / "research" / name)
    return RunningHandoff(home, worker=True, settings=settings).start()


@pytest.fixture
def twins(tmp_path, postgresql, template, toy_yaml):
    """Two replicas, each with a worker for one target."""
    settings = {**with_database(postgresql, template), "store_url": (tmp_path / "shared").as_uri()}
    first = RunningHandoff(tmp_path / "one", worker=True, settings=settings).start()
    first.client.register_pipeline("toy", toy_yaml, CODE)
    second = twin(tmp_path / "two", first, settings)
    annotated_study(first)
    yield first, second
    for service in (first, second):
        if service.process.poll() is None:
            service.stop()


def test_two_services_and_two_workers_make_one_run_of_a_decision_that_both_hear_of(twins):
    first, second = twins
    batch = batch_of(second)
    for number in range(3):
        spec = f"twins {number}"
        views = [hand_off(service, batch, spec=spec) for service in twins]
        assert views[0].id == views[1].id
        assert second.client.wait(views[0].id, 150).state == State.SUCCEEDED
        assert starts(first, views[0]) == 1


def test_the_other_worker_takes_a_target_over_but_never_one_whose_runs_it_cannot_see(twins):
    first, second = twins
    view = hand_off(second, batch_of(first), spoil="held", spec="elsewhere")
    wait_for(lambda: starts(first, view) == 1, 120)
    wait_for(lambda: first.client.handoff(view.id).state == State.RUNNING)
    holder = first if (first.home / "research" / "runs" / view.key).exists() else second
    other = second if holder is first else first
    holder.kill_with_worker()  # the run goes on
    time.sleep(2.0)  # the other one looks several times
    assert other.client.handoff(view.id).state == State.RUNNING
    holder.start()
    first.left(view, "go").touch()
    ended = other.client.wait(view.id, 150)
    assert (ended.state, starts(first, view)) == (State.SUCCEEDED, 1)
    holder.kill_with_worker()
    later = hand_off(other, batch_of(other), spec="taken over")
    assert other.client.wait(later.id, 150).state == State.SUCCEEDED
    assert (other.home / "research" / "runs" / later.key).exists()


def test_a_bucket_that_is_not_there_is_a_store_that_does_not_work_and_loses_nothing(tmp_path, gateway):
    settings = with_bucket(gateway)
    settings["store_url"] = f"s3://nobody-made-it/{tmp_path.name}"
    with running(tmp_path, settings=settings) as service:
        ready = service.get("/readyz")
        assert (ready.status_code, ready.json()["store"]) == (503, "failed")
        package = Package.of(1)
        answer = service.put(f"/v1/shipments/{package.id}", package.body())
        assert (answer.status_code, answer.json()["code"]) == (503, "store-down")
