"""Senders that break off, lie, dawdle, or try names and sizes: nothing half is kept, nothing is held for long."""

import threading
from pathlib import Path

import pytest

from processors.dicom.admission import Admission, Caller, Everybody
from processors.dicom.upload.connection import Timers
from tests.unit.upload.bodies import BOUNDARY, related
from tests.unit.upload.receiving import Uploads, request
from tests.unit.upload.test_uploads import ONE, slices
from tests.waiting import wait_for

IMPATIENT = Timers(head=60.0, patience=0.2)
QUICK = Timers(head=0.2)


def head_of(body: bytes) -> bytes:
    return request(b"", length=len(body))


def test_a_connection_cut_within_an_instance_leaves_those_before_it_and_no_file_of_it(tmp_path: Path) -> None:
    files = slices(3)
    body = related(files.values())
    with Uploads(tmp_path) as uploads:
        with uploads.connect() as client:
            client.send(head_of(body) + body[:-200])
            wait_for(lambda: uploads.on_its_way() == (2, 1))
        wait_for(lambda: not uploads.left_over())
        assert sorted(uploads.kept()) == sorted(list(files)[:2])
        assert uploads.endings() == ["lost"]
        assert uploads.troubles() == [("lost", "")]


@pytest.mark.parametrize("byte_by_byte", [False, True], ids=["silence", "a-byte-now-and-then"])
def test_a_body_that_comes_too_slowly_is_answered_408_and_nothing_half_is_kept(
    tmp_path: Path, byte_by_byte: bool
) -> None:
    files = slices(2)
    body = related(files.values())
    ended = threading.Event()
    with Uploads(tmp_path, timers=IMPATIENT) as uploads, uploads.connect() as client:
        client.send(head_of(body) + body[:-600])

        def drip() -> None:
            for each in body[-600:-100]:
                if ended.wait(0.02):
                    return
                try:
                    client.send(bytes([each]))
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        if byte_by_byte:
            dripping.start()
        answer = client.answer()
        ended.set()
        if byte_by_byte:
            dripping.join()
        client.close()
        assert (answer.status, answer.stored) == (408, list(files)[:1])
        assert list(uploads.kept()) == list(files)[:1]
        assert uploads.left_over() == []
        assert uploads.endings() == ["aborted"]
        assert uploads.troubles() == [("upload-slow", "0.2")]


def test_a_head_that_does_not_come_is_closed_without_a_word_and_told(tmp_path: Path) -> None:
    with Uploads(tmp_path, timers=QUICK) as uploads:
        with uploads.connect() as client:
            client.send(b"POST /studies HTTP/1.1\r\nHost")
            assert client.is_closed()
        assert uploads.troubles() == [("no-request", "0.2")]
        assert uploads.endings() == []


def test_a_connection_that_is_kept_open_and_says_nothing_more_is_closed_and_no_trouble(tmp_path: Path) -> None:
    [(uid, file)] = slices(1).items()
    with Uploads(tmp_path) as uploads:
        with uploads.connect() as client:
            wait_for(uploads.connections)
            [connection] = uploads.connections()
            wait_for(lambda: connection._wire._deadline is not None)  # the first head has its time already
            connection._timers = QUICK
            client.send(request(file, "/instances", ONE))
            assert client.answer().stored == [uid]
            assert client.is_closed()
        assert uploads.troubles() == []


def test_a_length_that_promises_too_little_is_no_success_and_its_rest_no_request(tmp_path: Path) -> None:
    files = slices(2)
    body = related(files.values())
    with Uploads(tmp_path) as uploads:
        with uploads.connect() as client:
            client.send(request(body, length=len(body) - 300))
            answer = client.answer()
            assert (answer.status, answer.stored) == (400, list(files)[:1])
            assert answer.fields.get("connection") == "close"
            assert client.is_closed()
        assert list(uploads.kept()) == list(files)[:1]


def test_a_length_that_promises_too_much_is_waited_for_and_then_told(tmp_path: Path) -> None:
    files = slices(1)
    with Uploads(tmp_path, timers=IMPATIENT) as uploads:
        with uploads.connect() as client:
            client.send(request(related(files.values()), length=1 << 50))
            assert (client.answer().status) == 408
        assert list(uploads.kept()) == list(files)


def test_thousands_of_header_fields_and_endless_ones_are_refused(tmp_path: Path) -> None:
    with Uploads(tmp_path) as uploads:
        for content in (b"A: b\r\n" * 5000, b"A: " + b"b" * 40_000):
            with uploads.connect() as client:
                client.send(b"POST /studies HTTP/1.1\r\nHost: h\r\n" + content + b"\r\n\r\n")
                assert client.answer().status in {400, 431}
        assert {cause for cause, _ in uploads.troubles()} == {"upload-malformed"}


@pytest.mark.parametrize("name", ["../../../../tmp/x", "/etc/passwd", "1.2/../3", "1.2\0.3", "1.2\r\nX: y", ""])
def test_names_from_outside_never_become_names_of_files_or_lines_of_an_answer(tmp_path: Path, name: str) -> None:
    [(uid, file)] = slices(1).items()
    hostile = name.encode("latin-1")[: len(uid)].ljust(len(uid), b"/")
    before = set(tmp_path.rglob("*"))
    with Uploads(tmp_path / "home") as uploads:
        answer = uploads.post(related([file.replace(uid.encode(), hostile)]))
        assert (answer.status, answer.others) == (409, [0xC000])
        assert uploads.post(file, f"/studies/{name or '..'}".replace("\0", "%00").replace("\r\n", "%0d%0a")).status in {
            400,
            404,
        }
        assert uploads.kept() == {}
        assert uploads.left_over() == []
    assert {path for path in tmp_path.rglob("*") if tmp_path / "home" not in path.parents} == {
        *before,
        tmp_path / "home",
    }


def test_beyond_so_many_connections_one_is_told_to_come_again(tmp_path: Path) -> None:
    [(uid, file)] = slices(1).items()
    with Uploads(tmp_path, maximum_connections=1) as uploads:
        with uploads.connect() as first:
            first.send(b"P")
            wait_for(lambda: uploads.engine.port.places)
            with uploads.connect() as second:
                assert (second.answer().status, second.is_closed()) == (503, True)
        wait_for(lambda: not uploads.engine.port.places)
        assert uploads.post(file, "/instances", ONE).stored == [uid]
        assert uploads.troubles() == [("receiver-full", "1")]


def test_an_end_of_the_receiver_lets_the_instance_on_its_way_finish_and_sends_the_rest_away(tmp_path: Path) -> None:
    files = slices(3)
    body = related(files.values())
    within_second = len(related(list(files.values())[:2])) - 100
    with Uploads(tmp_path) as uploads, uploads.connect() as client:
        client.send(head_of(body) + body[:within_second])
        wait_for(lambda: uploads.on_its_way() == (1, 1))
        ending = threading.Thread(target=uploads.close)
        ending.start()
        wait_for(lambda: [one._stopping for one in uploads.connections()] == [True])
        client.send(body[within_second:])
        answer = client.answer()
        client.close()
        ending.join()
        assert (answer.status, answer.stored) == (503, list(files)[:2])
        assert sorted(uploads.kept()) == sorted(list(files)[:2])


def test_a_fault_of_ours_in_the_middle_leaves_nothing_half_and_the_port_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from processors.dicom.upload import instance

    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    files = slices(2)
    with Uploads(tmp_path) as uploads:
        with monkeypatch.context() as broken, uploads.connect() as client:
            broken.setattr(instance.Terms, "refusal", lambda *_: 1 / 0)
            client.send(request(related(files.values())))
            assert client.is_closed()
        assert uploads.post(related(files.values())).status == 200
        wait_for(lambda: faults)  # it is told after the connection has ended
        assert len(faults) == 1
        assert uploads.endings() == ["lost", "released"]


def test_a_fault_of_ours_before_the_body_costs_the_peer_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from processors.dicom.upload import connection

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    given_back: list[str] = []

    class Counting(Everybody):
        def admit_upload(self, caller: Caller, token: str | None) -> Admission:
            return Admission(given_back=lambda: given_back.append(caller.address))

    with Uploads(tmp_path, policy=Counting()) as uploads:
        with monkeypatch.context() as broken, uploads.connect() as client:
            broken.setattr(connection, "read_order", lambda _: 1 / 0)
            client.send(request(b"x"))
            assert client.is_closed()
        assert given_back == ["127.0.0.1"]


def test_other_protocols_on_the_port_are_told_at_once(tmp_path: Path) -> None:
    with Uploads(tmp_path) as uploads:
        for hello in (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"\x01\0\0\0\0\xd0\0\1"):
            with uploads.connect() as client:
                client.send(hello)
                assert client.answer().status == 400
        assert [cause for cause, _ in uploads.troubles()] == ["tls-on-plain-port", "upload-malformed"]


def test_no_patient_is_in_what_the_receiver_says(tmp_path: Path) -> None:
    [(uid, file)] = slices(1, patient="SECRETNAME").items()
    with Uploads(tmp_path) as uploads:
        uploads.post(related([file, file[:-3], file.replace(b"DICM", b"DICK")]), "/studies/1.2.3")
        uploads.post(file, "/SECRETNAME", ONE, X_Patient="SECRETNAME", Accept=f"SECRETNAME/{BOUNDARY}")
        uploads.close()
        assert "SECRETNAME" not in uploads._log.getvalue()
        assert not any("SECRETNAME" in detail for _, detail in uploads.troubles())
        assert uid not in uploads._log.getvalue()
