"""What the service answers when its own disk or database fails: a problem with a remedy, and nothing stored."""

import asyncio
import errno
import hashlib

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from handoff.app import create_app
from handoff.errors import StartError
from handoff.service import Service
from handoff.settings import Settings
from handoff.store import Incoming
from handoff.studies.close import StudyCloser

ID = "a" * 32


@pytest.fixture
def service(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    yield service
    service.database.close()


def put(service: Service, body: bytes = b"x" * 100) -> httpx.Response:
    token = service.home.intake_token.read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Sluice-SHA256": hashlib.sha256(body).hexdigest()}

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(service), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.put(f"/v1/shipments/{ID}", content=body, headers=headers)

    return asyncio.run(send())


def test_a_full_disk_is_said_with_a_remedy_and_leaves_no_part(service, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Incoming, "write", full)
    answer = put(service)
    assert (answer.status_code, answer.json()["code"]) == (507, "store-full")
    assert [file for file in service.home.store.rglob("*") if file.is_file()] == []


def test_a_database_that_does_not_answer_is_worth_another_try(service, monkeypatch):
    def locked(*_):
        raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))

    monkeypatch.setattr("handoff.shipments.admit.ShipmentAdmission.admit", locked)
    answer = put(service)
    assert (answer.status_code, answer.json()["code"]) == (503, "database-busy")


def test_a_bug_is_a_problem_that_says_nothing_of_itself(service, monkeypatch):
    def bug(*_):
        raise ValueError("Mueller^Hans")

    monkeypatch.setattr("handoff.shipments.admit.ShipmentAdmission.admit", bug)
    answer = put(service)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "Mueller" not in answer.text


def test_the_closing_loop_survives_a_database_that_fails(service, monkeypatch):
    def gone(*_):
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    closer = StudyCloser(service.database, service.settings, period_seconds=0.01)
    monkeypatch.setattr(closer, "_any_due", gone)
    closer.start()
    closer.join(timeout=0.1)
    assert closer.is_alive()
    closer.stop()
    assert not closer.is_alive()


@pytest.mark.parametrize("text", ["targets: 3", "unknown: 1", "a: [", "max_package_bytes: -1", "- a"])
def test_a_settings_file_that_cannot_be_meant_is_one_error_with_a_remedy(tmp_path, text):
    (tmp_path / "research").mkdir()
    (tmp_path / "research/handoff.yaml").write_text(text)
    with pytest.raises(StartError, match=r"handoff\.yaml"):
        Settings.load(tmp_path)


def test_a_database_of_a_newer_version_is_refused_with_a_remedy(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    with service.database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    service.database.close()
    with pytest.raises(StartError, match="schema") as error:
        Service.open(Settings.load(tmp_path))
    assert "newer" in error.value.remedy


def test_a_part_that_no_process_writes_is_swept_at_the_start_and_a_live_one_is_not(tmp_path, service):
    dead = service.home.store / "incoming" / "dead.part"
    dead.write_bytes(b"x")
    live = service.store.receive()
    assert service.store.sweep() == 1
    assert live.path.exists()
    assert not dead.exists()
    live.discard()
