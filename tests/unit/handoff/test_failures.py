"""What the service answers when its own disk or database fails: a problem with a remedy, and nothing stored."""

import asyncio
import errno
import hashlib
import threading

import httpx
import pytest
from prometheus_client import generate_latest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from handoff.access.access_settings import AccessLimits
from handoff.app import create_app
from handoff.contract.evidence import Evidence
from handoff.database.tables import EvidenceMessage, PipelineVersion, Study
from handoff.errors import StartError
from handoff.service import Service
from handoff.settings import Settings
from handoff.store import Incoming
from handoff.studies.close import StudyCloser, close_due
from tests.unit.handoff.asking import Asking
from tests.unit.handoff.rows import BATCH, add_decidable, add_handoff

ID = "a" * 32
EVIDENCE = {"evidence_id": ID, "project": "lungs", "study_instance_uid": "1.1", "ending": "released", "total": 0}


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


def test_a_body_that_is_refused_is_removed_beside_the_loop_which_others_wait_for(service, monkeypatch):
    threads, discard = [], Incoming.discard
    monkeypatch.setattr(Incoming, "discard", lambda body: (threads.append(threading.current_thread()), discard(body)))
    assert put(service).status_code == 422
    assert threads
    assert threading.main_thread() not in threads
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


def test_a_bug_is_answered_to_its_end_and_the_server_need_not_know(service, monkeypatch):
    def bug(*_):
        raise KeyError("Mueller^Hans")

    monkeypatch.setattr("handoff.api.batches.older_than", bug)
    headers = {"Authorization": f"Bearer {service.home.api_token.read_text().strip()}"}

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(service), raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/v1/batches", headers=headers)

    with capture_logs() as logs:
        answer = asyncio.run(send())
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [line["code"] for line in logs if line["event"] == "request"] == ["internal"]


@pytest.mark.parametrize("what", ["lines", f"lines?prepared_by={ID}", "croissant"])
def test_lines_that_the_store_lost_are_said_to_be_gone(service, what):
    with service.database.write() as session:
        add_decidable(session)
        session.add(PipelineVersion(id="p", name="p", yaml_digest="", code_digest="", inputs={}, registered_at=0.0))
        session.flush()
        add_handoff(session, id=ID, key="f" * 64, batch_id=BATCH, state="SUCCEEDED")
    answer = Asking(service).ask("GET", f"/v1/batches/{BATCH}/{what}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "gone" in answer.json()["title"]


def test_a_document_that_is_refused_is_not_repeated_by_its_error():
    with pytest.raises(ValidationError) as error:
        Evidence.model_validate({**EVIDENCE, "study_instance_uid": "Mueller^Hans"})
    assert "Mueller" not in str(error.value)


@pytest.mark.parametrize("error", [OperationalError("SELECT", {}, Exception("disk I/O error")), KeyError("a bug")])
def test_the_closing_loop_survives_a_database_that_fails_and_a_bug(service, monkeypatch, error):
    def gone(*_):
        raise error

    closer = StudyCloser(service.database, service.settings, period_seconds=0.01)
    monkeypatch.setattr(closer, "look", gone)
    closer.start()
    closer.join(timeout=0.1)
    assert closer.is_alive()
    closer.stop()
    assert not closer.is_alive()


@pytest.mark.parametrize(("short_seconds", "looks"), [(60.0, [2, 0]), (-1.0, [1, 1, 0])], ids=["quick", "slow"])
def test_studies_that_take_long_to_judge_hold_the_database_one_at_a_time(service, monkeypatch, short_seconds, looks):
    monkeypatch.setattr("handoff.studies.close._SHORT_SECONDS", short_seconds)
    with service.database.write() as session:
        for uid in ("1.0", "1.1"):
            session.add(Study(project="lungs", study_uid=uid, last_arrival_at=0.0, due_at=0.0))
    for looked in looks:
        with service.database.write() as session:
            assert close_due(session, service.settings, 10_000.0) == looked


def test_evidence_that_cannot_be_read_any_more_keeps_only_its_own_study_waiting(service, monkeypatch):
    monkeypatch.setattr("handoff.studies.close._SHORT_SECONDS", 60.0)
    with service.database.write() as session:
        for number, body in enumerate([{}, Evidence.model_validate(EVIDENCE).plain()]):
            study = Study(project="lungs", study_uid=f"1.{number}", last_arrival_at=0.0, due_at=0.0)
            session.add(study)
            session.flush()
            facts = {"sha256": "0" * 64, "size": 1, "receipt": {}, "received_at": 0.0}
            session.add(EvidenceMessage(id=f"{number:032}", study_id=study.id, body=body, **facts))
    with service.database.write() as session:
        assert close_due(session, service.settings, 10_000.0) == 2
    with service.database.read() as session:
        found = {study.study_uid: (study.state, study.waiting_for) for study in session.scalars(select(Study))}
    assert found == {"1.0": ("open", "evidence-unreadable"), "1.1": ("complete", None)}


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
    assert service.store.spool.sweep() == 1
    assert live.path.exists()
    assert not dead.exists()
    live.discard()


def test_a_body_that_is_read_whole_has_a_limit(service):
    headers = {"Authorization": f"Bearer {service.home.api_token.read_text().strip()}"}
    answer, read = asyncio.run(_post_without_end(service, headers))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert read <= 2 * AccessLimits().max_long_json_bytes + (1 << 20)


def test_nothing_is_read_of_the_body_of_who_has_no_token(service):
    answer, read = asyncio.run(_post_without_end(service, {}))
    assert (answer.status_code, read) == (401, 0)


async def _post_without_end(service: Service, headers: dict[str, str]) -> tuple[httpx.Response, int]:
    read = 0

    async def blocks():
        nonlocal read
        for _ in range(64):
            read += 1 << 20
            yield bytes(1 << 20)

    transport = httpx.ASGITransport(create_app(service), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.post("/v1/pipelines", content=blocks(), headers=headers), read


def test_a_made_up_method_does_not_grow_the_counters(service):
    async def send() -> None:
        transport = httpx.ASGITransport(create_app(service), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            await client.request("MADEUP", "/healthz")

    asyncio.run(send())
    lines = generate_latest(service.metrics.registry).decode()
    assert 'method="other"' in lines
    assert "MADEUP" not in lines
