"""C-STORE to a real Orthanc: what is stored, what is refused, what must be tried again."""

import threading
from pathlib import Path

import pytest
from pydicom.uid import UID
from pynetdicom import build_context, evt
from pynetdicom.sop_class import Verification

from processors.dicom.associate import associated, echo
from processors.dicom.errors import PeerDownError, PeerError, PeerRefusesError
from processors.dicom.storage_scu import outcome_of, send
from tests.builders import ct_slice, write_ct_series
from tests.loopback import free_port
from tests.orthanc import Orthanc, peer_of
from tests.receiver_process import data_set_bytes, uid_of
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


def test_files_are_stored_byte_for_byte(pacs: Orthanc, tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=3)
    sent = send(peer_of(pacs), files)
    assert [(one.path, one.status, one.outcome) for one in sent] == [(file, 0, "stored") for file in files]
    for file in files:
        returned = tmp_path / "returned.dcm"
        returned.write_bytes(pacs.file(uid_of(file)))
        assert data_set_bytes(returned) == data_set_bytes(file)


def test_each_file_keeps_its_transfer_syntax(pacs: Orthanc, tmp_path: Path) -> None:
    """Pixels in a syntax that Orthanc would have to decode arrive as they were: nothing was re-encoded."""
    plain = write_ct_series(tmp_path / "ct", slices=1)[0]
    slice_ = ct_slice()
    slice_.compress("1.2.840.10008.1.2.5")
    packed = tmp_path / "rle.dcm"
    slice_.save_as(packed, enforce_file_format=True)
    assert [one.outcome for one in send(peer_of(pacs), [plain, packed])] == ["stored", "stored"]
    assert data_set_bytes_of(pacs.file(uid_of(packed)), tmp_path) == data_set_bytes(packed)


def data_set_bytes_of(content: bytes, folder: Path) -> bytes:
    file = folder / "returned.dcm"
    file.write_bytes(content)
    return data_set_bytes(file)


def test_the_same_file_again_is_stored_once(pacs: Orthanc, tmp_path: Path) -> None:
    """What exactly-once rests on when an answer is lost: same bytes, same UID."""
    (file,) = write_ct_series(tmp_path / "ct", slices=1)
    assert [send(peer_of(pacs), [file])[0].outcome for _ in range(2)] == ["stored", "stored"]
    assert pacs.sop_instance_uids().count(uid_of(file)) == 1


def test_more_than_128_contexts_take_a_second_association(pacs: Orthanc, tmp_path: Path) -> None:
    """PS3.8 9.3.2.2: a presentation context ID is an odd number of one byte."""
    files = []
    for number in range(130):
        slice_ = ct_slice(number + 1, rows=2)
        if number:
            slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = UID(f"1.2.826.0.1.3680043.8.498.{number}")
        files.append(tmp_path / f"{number}.dcm")
        slice_.save_as(files[-1], enforce_file_format=True)
    sent = send(peer_of(pacs), [*files[1:], files[0]])
    assert [one.outcome for one in sent[-1:]] == ["stored"]
    assert {one.code for one in sent if one.outcome == "refused"} == {"no-presentation-context"}
    assert [one.path for one in sent] == [*files[1:], files[0]]


def test_what_is_no_dicom_file_is_refused_and_the_rest_goes_on(pacs: Orthanc, tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("not DICOM")
    (good,) = write_ct_series(tmp_path / "ct", slices=1)
    sent = send(peer_of(pacs), [tmp_path / "text.dcm", tmp_path / "missing.dcm", good])
    assert [(one.outcome, one.code) for one in sent] == [
        ("refused", "not-dicom"),
        ("refused", "file-missing"),
        ("stored", "status-0000"),
    ]


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"calling_ae_title": "STRANGER"}, "calling-ae-unknown"), ({"ae_title": "WRONG"}, "called-ae-unknown")],
    ids=["our AE title", "its AE title"],
)
def test_a_rejected_association_names_the_ae_title_and_stores_nothing(
    pacs: Orthanc, tmp_path: Path, settings: dict[str, object], code: str
) -> None:
    files = write_ct_series(tmp_path / "ct", slices=2)
    peer = peer_of(pacs, **settings)
    assert {(one.outcome, one.code) for one in send(peer, files)} == {("again", code)}
    assert uid_of(files[0]) not in pacs.sop_instance_uids()
    with pytest.raises(PeerRefusesError) as refused:
        echo(peer)
    assert refused.value.code == code


def test_a_rejection_that_overtakes_its_reader_is_still_heard(pacs: Orthanc) -> None:
    """Read and the connection closed before the requestor first looks at it: an answer all the same."""
    closed = threading.Semaphore(0)
    late = [
        (evt.EVT_REQUESTED, lambda _: closed.acquire(timeout=60)),
        (evt.EVT_CONN_CLOSE, lambda _: closed.release()),
    ]
    peer = peer_of(pacs, calling_ae_title="STRANGER")
    with pytest.raises(PeerRefusesError) as refused:
        associated(peer, [build_context(Verification)], handlers=late).__enter__()
    assert refused.value.code == "calling-ae-unknown"


def test_a_pacs_that_is_full_gets_it_later(pacs: Orthanc, tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=1)
    pacs.refuse_stores()
    try:
        (sent,) = send(peer_of(pacs), files)
    finally:
        pacs.refuse_stores(yes=False)
    assert (sent.status, sent.outcome, sent.code) == (0xA700, "again", "status-a700")
    assert send(peer_of(pacs), files)[0].outcome == "stored"


def test_what_the_pacs_cannot_take_is_refused_for_good(pacs: Orthanc, tmp_path: Path) -> None:
    """Its data set has another SOP Instance UID than the command: sending it again would not help."""
    (file,) = write_ct_series(tmp_path / "ct", slices=1)
    content = file.read_bytes()
    uid = uid_of(file).encode()
    file.write_bytes(content.replace(uid, uid[:-1] + bytes([uid[-1] ^ 1]), 1))
    confided: list[str] = []
    (sent,) = send(peer_of(pacs), [file], confided.append)
    assert (sent.status, sent.outcome) == (0xA900, "refused")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0xA701, "again"), (0x0110, "again"), (0xA900, "refused"), (0xC001, "refused"), (0x0122, "refused")],
)
def test_a_failure_status_says_whether_to_try_again(status: int, outcome: str) -> None:
    """PS3.4 B.2.3, PS3.7 annex C."""
    assert outcome_of(status) == outcome


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_a_warning_means_stored(status: int) -> None:
    """PS3.4 B.2.3."""
    assert outcome_of(status) == "stored"


def test_a_peer_that_is_down_gets_it_later(tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=2)
    pacs = Orthanc(tmp_path / "pacs")
    assert {(one.outcome, one.code) for one in send(peer_of(pacs), files)} == {("again", "connection-refused")}
    with pytest.raises(PeerDownError, match="nothing listens"):
        echo(peer_of(pacs))


def test_a_host_that_is_not_known_is_said(pacs: Orthanc) -> None:
    with pytest.raises(PeerError) as failed:
        echo(peer_of(pacs, host="nowhere.invalid", port=free_port()))
    assert failed.value.code == "host-unknown"


def test_a_pacs_killed_in_the_middle_leaves_again_and_never_stored(tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=40)
    with Orthanc(tmp_path / "pacs") as pacs:
        pacs.slow_stores(0.5)
        sent: list[object] = []
        sender = threading.Thread(target=lambda: sent.extend(send(peer_of(pacs), files)))
        sender.start()
        wait_for(lambda: len(pacs.sop_instance_uids()) > 2)
        pacs.kill()
        sender.join(120)
        stored = [one.path for one in sent if one.outcome == "stored"]
        assert {one.outcome for one in sent} == {"stored", "again"}
        assert len(sent) == len(files)
        pacs.slow_stores(0)
        pacs.start()
        kept = pacs.sop_instance_uids()
        assert {uid_of(path) for path in stored} <= set(kept)
        assert {one.outcome for one in send(peer_of(pacs), files)} == {"stored"}
        assert pacs.sop_instance_uids() == sorted(map(uid_of, files))
