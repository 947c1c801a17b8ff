"""A real receiver against real senders: every answer, and every byte kept as it came (PS3.4 annex B)."""

import json
import os
import re
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import AE, build_context
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import CTImageStorage, Verification  # type: ignore[attr-defined]

from processors.limits import ReceiverLimits
from tests.builders import ct_slice, write_ct_series
from tests.loopback import free_port
from tests.receiver_process import (
    ReceiverProcess,
    Storescu,
    data_set_bytes,
    once_each,
    peer,
    storescu,
    uid_of,
    unfinished,
)
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

PROPOSE = {
    JPEGBaseline8Bit: "-xy",
    JPEGExtended12Bit: "-xx",
    JPEGLosslessSV1: "-xs",
    JPEG2000Lossless: "-xv",
    JPEG2000: "-xw",
    JPEGLSLossless: "-xt",
    RLELossless: "-xr",
    DeflatedExplicitVRLittleEndian: "-xd",
}
"""The option with which storescu proposes a transfer syntax first."""


@pytest.fixture(params=["reference", "fast"])
def engine(request: pytest.FixtureRequest) -> str:
    """The same of both: what differs is no matter of ours."""
    return str(request.param)


@pytest.fixture
def receiver(tmp_path: Path, engine: str) -> Iterator[ReceiverProcess]:
    with ReceiverProcess(tmp_path / "home", "--engine", engine) as process:
        yield process


def test_an_echo_is_answered_and_leaves_an_association_without_evidence(receiver: ReceiverProcess) -> None:
    done = subprocess.run([peer("echoscu"), "-v", "127.0.0.1", str(receiver.port)], check=True, capture_output=True)
    assert b"Received Echo Response (Success)" in done.stdout + done.stderr
    wait_for(lambda: receiver.rows("SELECT ending FROM associations") == [("released",)], 30)
    assert receiver.rows("SELECT * FROM evidence") == []


def test_what_dcmtk_sends_is_kept_as_a_bit_preserving_storescp_keeps_it(
    receiver: ReceiverProcess, tmp_path: Path
) -> None:
    files = readable_test_files()
    theirs = tmp_path / "storescp"
    theirs.mkdir()
    port = free_port()
    command = [peer("storescp"), "--bit-preserving", "+xa", "-aet", "PEER", "-od", str(theirs), str(port)]
    with subprocess.Popen(command) as storescp:
        try:
            wait_for(lambda: accepts(port), 30)
            accepted = {}
            for file in files:
                propose = PROPOSE.get(identifiers(file)[2], "-x=")
                called = f"X{len(accepted)}"
                if storescu(receiver.port, [file], propose, called=called).success:
                    assert storescu(port, [file], propose).success
                    [kept_by_peer] = theirs.iterdir()
                    accepted[called] = data_set_bytes(kept_by_peer)
                    kept_by_peer.unlink()
        finally:
            storescp.terminate()
    assert len(accepted) > 50
    assert receiver.stop() == 0
    kept = {
        delivery.called_ae: data_set_bytes(receiver.layout.delivery(delivery.id) / delivery.instances[0].file)
        for delivery in receiver.deliveries()
    }
    assert kept == accepted


def test_data_sets_sent_unread_are_kept_byte_for_byte(receiver: ReceiverProcess) -> None:
    sent = {}
    for file in readable_test_files():
        sop_class, uid, syntax = identifiers(file)
        called = f"A{len(sent)}"
        if send_raw(receiver.port, sop_class, uid, syntax, data_set_bytes(file), called) == 0:
            sent[called] = data_set_bytes(file)
    assert len(sent) > 60
    assert receiver.stop() == 0
    for delivery in receiver.deliveries():
        kept = receiver.layout.delivery(delivery.id) / delivery.instances[0].file
        assert data_set_bytes(kept) == sent.pop(delivery.called_ae)
        assert identifiers(kept)[2] == delivery.instances[0].transfer_syntax_uid
    assert not sent


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"content": bytes(2)}, 0xC000, "no-identifier"),
        ({"content": b"this is not DICOM"}, 0xC000, "unparsable"),
        ({"cut": 100}, 0xC000, "truncated"),
        ({"uid": "1.2.3"}, 0xA900, "mismatch:SOPInstanceUID"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.4"}, 0xA900, "mismatch:SOPClassUID"),
        ({"sop_class": Verification}, 0x0122, "not-storage"),
    ],
    ids=["empty", "not DICOM", "truncated", "other instance", "other class", "no storage class"],
)
def test_a_refused_object_leaves_a_reason_code_and_nothing_else(
    receiver: ReceiverProcess, change: dict[str, object], status: int, reason: str
) -> None:
    slice_ = ct_slice()
    content = encoded(slice_)
    content = bytes(change.get("content", content[: -int(str(change["cut"]))] if "cut" in change else content))  # type: ignore[arg-type]
    answer = send_raw(
        receiver.port,
        str(change.get("sop_class", slice_.SOPClassUID)),
        str(change.get("uid", slice_.SOPInstanceUID)),
        ExplicitVRLittleEndian,
        content,
    )
    assert answer == status
    wait_for(lambda: receiver.rows("SELECT ending FROM associations") == [("released",)], 30)
    assert receiver.rows("SELECT status, reason FROM refusals") == [(status, reason)]
    assert receiver.rows("SELECT acknowledged, refused FROM associations") == [(0, 1)]
    assert not list(receiver.layout.deliveries.iterdir())
    wait_for(lambda: not unfinished(receiver.layout), 30)
    assert not list(receiver.layout.evidence.iterdir())


def test_a_private_class_in_a_compressed_syntax_is_kept_for_deidentification_to_judge(
    receiver: ReceiverProcess,
) -> None:
    slice_ = ct_slice()
    slice_.SOPClassUID = "1.2.3.4.5"
    assert send_raw(receiver.port, "1.2.3.4.5", slice_.SOPInstanceUID, JPEGBaseline8Bit, encoded(slice_)) == 0


def test_no_object_is_taken_while_the_disk_has_less_than_the_reserve(tmp_path: Path, engine: str) -> None:
    disk = os.statvfs(tmp_path)
    reserve = (disk.f_bavail * disk.f_frsize >> 20) - 3072  # what others write meanwhile makes no difference
    files = write_ct_series(tmp_path / "series", slices=2)
    limits = "--reserve-mb", str(reserve), "--limit", "relief=0"
    with ReceiverProcess(tmp_path / "home", *limits, "--engine", engine) as receiver:
        filler = tmp_path / "filler"
        with filler.open("wb") as hole:
            os.posix_fallocate(hole.fileno(), 0, 6 << 30)
        refused = storescu(receiver.port, files[:1])
        filler.unlink()
        wait_for(lambda: [line["state"] for line in receiver.events("pressure")][:2] == ["on", "off"])
        taken = storescu(receiver.port, files[1:])
    assert refused.refused == {files[0]: 0xA700}
    assert taken.success == files[1:]
    assert set(receiver.rows("SELECT reason FROM refusals")) <= {("no-space",)}


def test_interleaved_series_become_one_delivery_each(receiver: ReceiverProcess, tmp_path: Path) -> None:
    one, other = write_ct_series(tmp_path / "one", slices=5), write_ct_series(tmp_path / "other", slices=5)
    storescu(receiver.port, [file for pair in zip(one, other, strict=True) for file in pair])
    receiver.stop()
    assert [len(delivery.instances) for delivery in receiver.deliveries()] == [5, 5]


def test_silence_on_an_open_association_seals_its_delivery(tmp_path: Path, engine: str) -> None:
    with ReceiverProcess(tmp_path / "home", "--idle-seconds", "0.5", "--engine", engine) as receiver:
        association = associate(receiver.port, CTImageStorage, ExplicitVRLittleEndian)
        association.send_c_store(ct_slice())
        wait_for(
            lambda: receiver.rows("SELECT seal_reason, state, due_at FROM deliveries") == [("idle", "sealed", 0)], 30
        )
        assert receiver.rows("SELECT ending FROM associations") == [("open",)]
        association.send_c_store(ct_slice())
        association.release()
        wait_for(lambda: len(receiver.rows("SELECT id FROM evidence")) == 1, 30)
        assert receiver.rows("SELECT count(*) FROM deliveries") == [(2,)]


def test_a_seal_and_an_end_are_told_by_the_fifo_once_the_ledger_has_them(
    receiver: ReceiverProcess, tmp_path: Path
) -> None:
    with receiver.layout.notify.open("rb", buffering=0) as news:
        storescu(receiver.port, write_ct_series(tmp_path / "series", slices=1))
        while not receiver.rows("SELECT id FROM evidence"):
            assert news.read(1) == b"\n"
    assert receiver.rows("SELECT count(*) FROM deliveries") == [(1,)]


def test_several_senders_of_the_same_instances_are_all_answered_and_each_instance_is_kept_once(
    receiver: ReceiverProcess, tmp_path: Path
) -> None:
    files = write_ct_series(tmp_path / "series", slices=40)
    senders = [
        subprocess.Popen(
            [peer("dcmsend"), "-v", "127.0.0.1", str(receiver.port), *map(str, files)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(4)
    ]
    answers = sum(sender.communicate(timeout=120)[0].count(b"C-STORE Response (Success)") for sender in senders)
    assert receiver.stop() == 0
    assert answers == 4 * len(files)
    assert receiver.kept() == once_each(map(uid_of, files))
    counts = dict(receiver.rows("SELECT disposition, count(*) FROM instances GROUP BY 1"))  # type: ignore[arg-type]
    assert counts == {"delivered": len(files), "duplicate": 3 * len(files)}
    assert receiver.rows("SELECT count(*) FROM instances WHERE disposition = 'duplicate' AND duplicate_of IS NULL") == [
        (0,)
    ]


def test_the_same_bytes_to_another_called_title_are_kept_again(receiver: ReceiverProcess, tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "series", slices=1)
    storescu(receiver.port, files, called="LUNG")
    storescu(receiver.port, files, called="BRAIN")
    receiver.stop()
    assert sorted(delivery.called_ae for delivery in receiver.deliveries()) == ["BRAIN", "LUNG"]


def test_other_bytes_under_the_same_uid_are_the_next_revision_in_a_new_delivery(
    receiver: ReceiverProcess, tmp_path: Path
) -> None:
    slice_ = ct_slice()
    files = []
    for number in range(3):
        slice_.InstanceNumber = number
        files.append(tmp_path / f"{number}.dcm")
        slice_.save_as(files[-1], enforce_file_format=True)
    assert len(storescu(receiver.port, files).success) == 3
    receiver.stop()
    rows = receiver.rows("SELECT revision, d.seal_reason FROM instances i JOIN deliveries d ON d.id = delivery_id")
    assert sorted(rows) == [(1, "conflict"), (2, "conflict"), (3, "release")]


@pytest.mark.parametrize(("ending", "how"), [("released", "release"), ("aborted", "abort"), ("lost", "close")])
def test_evidence_says_how_the_association_ended_and_what_it_brought(
    receiver: ReceiverProcess, ending: str, how: str
) -> None:
    slice_ = ct_slice()
    association = associate(receiver.port, CTImageStorage, ExplicitVRLittleEndian)
    for one in (slice_, slice_, ct_slice(2, study=slice_.StudyInstanceUID)):
        assert association.send_c_store(one).Status == 0
    if how == "close":
        connection = association.dul.socket.socket
        connection.shutdown(socket.SHUT_RDWR)
        association.join()
        connection.close()
    else:
        getattr(association, how)()
    wait_for(lambda: receiver.rows("SELECT state, project FROM evidence") == [("pending", None)], 30)
    [file] = receiver.layout.evidence.glob("*.json")
    evidence = json.loads(file.read_text())
    deliveries = [str(row[0]) for row in receiver.rows("SELECT id FROM deliveries ORDER BY sealed_at")]
    study = evidence["studies"].pop(slice_.StudyInstanceUID)
    assert sorted(study.pop("deliveries")) == sorted(deliveries)
    assert study == {"acknowledged": 3, "duplicates": 1}
    facts = evidence.pop("association")
    assert (facts["id"], facts["calling_ae"], facts["called_ae"]) == (file.stem, "TESTER", "SLUICE")
    assert evidence == {"association_id": file.stem, "ending": ending, "studies": {}}
    assert receiver.rows("SELECT ending, acknowledged FROM associations") == [(ending, 3)]


def test_a_second_receiver_names_the_first_and_ends(receiver: ReceiverProcess) -> None:
    assert receiver.process is not None
    done = run(receiver.command("--port", "0"))
    assert done.returncode == 1
    assert f"process {receiver.process.pid} on " in done.stderr
    assert one_line_of_error(done)


def test_a_port_in_use_is_one_line_with_a_remedy(receiver: ReceiverProcess, tmp_path: Path) -> None:
    done = run(ReceiverProcess(tmp_path / "other").command("--port", str(receiver.port)))
    assert done.returncode == 1
    assert "another --port" in one_line_of_error(done)


def test_no_space_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    done = run(ReceiverProcess(tmp_path / "home", "--reserve-mb", str(1 << 40)).command("--port", "0"))
    assert done.returncode == 1
    assert "MB left" in one_line_of_error(done)


def test_an_unwritable_landing_is_one_line_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(
        ReceiverProcess(tmp_path / "home", "--landing", str(tmp_path / "file" / "landing")).command("--port", "0")
    )
    assert done.returncode == 1
    assert "Give --landing a folder" in one_line_of_error(done)


def test_sigterm_lets_an_association_finish_its_object_and_ends_with_0(
    receiver: ReceiverProcess, tmp_path: Path
) -> None:
    files = write_ct_series(tmp_path / "series", slices=300)
    assert receiver.process is not None
    with Storescu(receiver.port, files) as sender:
        sender.until(20)
        receiver.process.terminate()
        wait_for(lambda: receiver.events("stopping"))
        acknowledged = len(sender.finish().success)
        assert receiver.process.wait(120) == 0
    assert len(receiver.kept()) == acknowledged
    assert receiver.rows("SELECT ending, acknowledged FROM associations") == [("aborted", acknowledged)]
    assert not unfinished(receiver.layout)


def test_a_connection_that_says_nothing_does_not_hold_up_the_end(receiver: ReceiverProcess) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port)):
        begun = time.monotonic()
        assert receiver.stop() == 0
        assert time.monotonic() - begun < ReceiverLimits().stop_grace


def test_no_value_of_a_data_set_is_in_the_log(receiver: ReceiverProcess) -> None:
    slice_ = ct_slice(patient="SECRETID")
    slice_.PatientName = "Canary^Patient"
    slice_.SOPInstanceUID = "1.2.999.31415926.1"
    content = encoded(slice_)
    send_raw(receiver.port, slice_.SOPClassUID, slice_.SOPInstanceUID, ExplicitVRLittleEndian, content)
    send_raw(receiver.port, slice_.SOPClassUID, slice_.SOPInstanceUID, ExplicitVRLittleEndian, content[:-9])
    send_raw(receiver.port, slice_.SOPClassUID, "1.2.999.27182818", ExplicitVRLittleEndian, content)
    receiver.stop()
    log = receiver.log.read_text()
    assert len(receiver.events("association")) == 3
    assert not re.search(r"SECRETID|Canary|31415926|27182818", log)


def test_an_idle_receiver_costs_nothing(receiver: ReceiverProcess) -> None:
    assert receiver.process is not None
    pid = receiver.process.pid

    def idles() -> bool:
        """What its start still has to do may come first."""
        before = cpu_seconds(pid)
        time.sleep(3)
        return cpu_seconds(pid) - before <= 0.03

    wait_for(idles)


def readable_test_files() -> list[Path]:
    """The files in pydicom's wheel that have the identifiers of an instance; many of them are odd on purpose."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    return [file for file in sorted(folder.glob("*.dcm")) if all(identifiers(file))]


def identifiers(file: Path) -> tuple[str, str, str]:
    """SOP class, SOP instance and transfer syntax; empty where the file has none or is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(file, stop_before_pixels=True)
        except InvalidDicomError:
            return "", "", ""
        found = (dataset.get("SOPClassUID"), dataset.get("SOPInstanceUID"), dataset.file_meta.get("TransferSyntaxUID"))
    sop_class, instance, syntax = (str(uid or "") for uid in found)
    return sop_class, instance, syntax


def encoded(dataset: object) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)  # type: ignore[attr-defined]
    content = buffer.getvalue()
    return content[144 + int.from_bytes(content[140:144], "little") :]


def associate(port: int, sop_class: str, syntax: str, called: str = "SLUICE"):  # type: ignore[no-untyped-def]
    entity = AE("TESTER")
    association = entity.associate("127.0.0.1", port, contexts=[build_context(sop_class, [syntax])], ae_title=called)
    assert association.is_established
    return association


def send_raw(port: int, sop_class: str, uid: str, syntax: str, content: bytes, called: str = "SLUICE") -> int:
    """Send a data set without reading it; returns the status."""
    from io import BytesIO

    association = associate(port, sop_class, ExplicitVRLittleEndian if sop_class == Verification else syntax, called)
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = sop_class
    request.AffectedSOPInstanceUID = uid
    request.Priority = 2
    request.DataSet = BytesIO(content)
    [context] = association.accepted_contexts
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.release()
    return int(answer.Status)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def one_line_of_error(done: subprocess.CompletedProcess[str]) -> str:
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("sluice: ")
    return line


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
