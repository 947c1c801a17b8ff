"""Storage commitment with real requesters: Debian's Orthanc, and pynetdicom as a modality (PS3.4 annex J)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from sluice.cli import main
from tests.builders import write_ct_series
from tests.integration.receive.doctor import ask_doctor
from tests.integration.receive.modality import Modality
from tests.orthanc import Orthanc
from tests.receiver_process import ReceiverProcess
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

FILE = """
peers:
  asker:
    ae_title: TITLE
    host: 127.0.0.1
    port: PORT
    sends: SENDS
"""
ON = "{storage_commitment: {keep_days: 30}}"
OFF = "{}"
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"


both_engines = pytest.mark.parametrize("engine", ["fast", "reference"])
"""Engines take requests; all that follows is the same for both."""
one_engine = pytest.mark.parametrize("engine", ["fast"])


def receiver_for(root: Path, engine: str, title: str, port: int, sends: str) -> ReceiverProcess:
    peers = root / "peers.yaml"
    peers.write_text(FILE.replace("TITLE", title).replace("PORT", str(port)).replace("SENDS", sends))
    return ReceiverProcess(root / "home", "--engine", engine, "--peers", str(peers))


class Pacs:
    """Orthanc, which asks."""

    def __init__(self, orthanc: Orthanc, files: list[Path]) -> None:
        self.orthanc = orthanc
        orthanc.add(files)
        orthanc._http.post("/modalities/sluice/store", json=orthanc.get("/instances")).raise_for_status()
        self.sent = [str(dcmread(file).SOPInstanceUID) for file in files]

    def asks(self, *instances: tuple[str, str]) -> dict[str, Any]:
        """Request, and what it knows once it has heard."""
        answer = self.orthanc._http.post("/modalities/sluice/storage-commitment", json={"DicomInstances": instances})
        path = f"/storage-commitment/{answer.raise_for_status().json()['ID']}"
        wait_for(lambda: self.orthanc.get(path)["Status"] != "Pending")
        found: dict[str, Any] = self.orthanc.get(path)
        return found


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    with Orthanc(tmp_path / "pacs") as one:
        yield one


def reasons(answer: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(one["SOPClassUID"], one["SOPInstanceUID"]): one["FailureReason"] for one in answer["Failures"]}


@both_engines
def test_orthanc_hears_success_for_what_is_kept_and_why_the_rest_failed(
    tmp_path: Path, engine: str, orthanc: Orthanc
) -> None:
    with receiver_for(tmp_path, engine, "ORTHANC", orthanc.port, ON) as receiver:
        orthanc.know("SLUICE", receiver.port)
        pacs = Pacs(orthanc, write_ct_series(tmp_path / "ct", slices=3))
        kept = [(CT, uid) for uid in pacs.sent]
        assert pacs.asks(*kept)["Status"] == "Success"
        answer = pacs.asks(*kept, (CT, "1.2.3.4"), (MR, kept[0][1]))
        assert answer["Status"] == "Failure"
        assert {one["SOPInstanceUID"] for one in answer["Success"]} == set(pacs.sent)
        assert reasons(answer) == {(CT, "1.2.3.4"): 0x0112, (MR, kept[0][1]): 0x0119}
        [(delivery,)] = receiver.rows("SELECT id FROM deliveries")
        assert receiver.rows(f"SELECT count(*) FROM events WHERE subject = '{delivery}' AND event = 'promised-until'")


@one_engine
def test_orthanc_hears_failure_while_it_is_not_switched_on_and_for_a_file_that_was_damaged(
    tmp_path: Path, engine: str, orthanc: Orthanc, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiver_for(tmp_path, engine, "ORTHANC", orthanc.port, OFF) as receiver:
        orthanc.know("SLUICE", receiver.port)
        pacs = Pacs(orthanc, write_ct_series(tmp_path / "ct", slices=2))
        good, bad = ((CT, uid) for uid in pacs.sent)
        assert reasons(pacs.asks(good, bad)) == {good: 0x0110, bad: 0x0110}
        peers = tmp_path / "peers.yaml"
        peers.write_text(peers.read_text().replace("sends: {}", f"sends: {ON}"))
        [delivery] = receiver.deliveries()
        [file] = [one.file for one in delivery.instances if one.sop_instance_uid == bad[1]]
        path = receiver.layout.delivery(delivery.id) / file
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
        assert reasons(pacs.asks(good, bad)) == {bad: 0x0110}
        wait_for(lambda: len(receiver.rows("SELECT 1 FROM troubles")) >= 3)
    causes = {str(one["cause"]) for one in ask_doctor(receiver.home, capsys)["troubles"]}
    assert causes == {"commitment-off", "commitment-damaged", "commitment-failed"}


@one_engine
def test_an_answer_outlives_a_kill_and_arrives_when_the_modality_can_be_reached(
    tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_ct_series(tmp_path / "ct", slices=2)
    with Modality() as modality, receiver_for(tmp_path, engine, "CT1", modality.port, ON) as receiver:
        status, transaction = modality.store_and_ask(receiver.port, files)
        assert status == 0
        assert receiver.rows("SELECT transaction_uid FROM commitments") == [(transaction,)]
        wait_for(lambda: receiver.rows("SELECT 1 FROM commitments WHERE attempts > 0"))
        receiver.kill()
        main(["commitment", "list", "--home", str(receiver.home), "--json"])
        listed = json.loads(capsys.readouterr().out)
        assert (listed["state"], listed["failed"], listed["reason"]) == ("judged", 0, "connection-refused")
        modality.listen()
        receiver.start()
        [(kind, said)] = modality.heard()
        wait_for(lambda: receiver.rows("SELECT 1 FROM commitments WHERE state = 'reported'"))
    assert kind == 1
    assert said.TransactionUID == transaction
    assert [one.ReferencedSOPInstanceUID for one in said.ReferencedSOPSequence] == [
        dcmread(file).SOPInstanceUID for file in files
    ]
    assert "FailedSOPSequence" not in said


@pytest.mark.parametrize("engine", ["reference"])
def test_a_transaction_that_is_asked_again_is_told_again_and_one_that_is_used_for_others_fails(
    tmp_path: Path, engine: str
) -> None:
    files = write_ct_series(tmp_path / "ct", slices=2)
    with Modality() as modality, receiver_for(tmp_path, engine, "CT1", modality.port, ON) as receiver:
        modality.listen()
        _, transaction = modality.store_and_ask(receiver.port, files)
        modality.heard(1)
        assert modality.store_and_ask(receiver.port, files, transaction)[0] == 0
        assert [kind for kind, _ in modality.heard(2)] == [1, 1]
        assert receiver.rows("SELECT count(*) FROM commitments") == [(1,)]
        assert modality.store_and_ask(receiver.port, files[:1], transaction)[0] == 0
        kind, said = modality.heard(3)[2]
    assert kind == 2
    assert [one.FailureReason for one in said.FailedSOPSequence] == [0x0131]
