"""Uploads under kill -9, cuts, mutations and size: what was answered is kept, what was not whole is nothing."""

import os
import random
import socket
import threading
import zlib
from pathlib import Path

import pytest

from tests.builders import ct_slice, write_ct_series
from tests.receiver_process import ReceiverProcess, data_set_bytes, once_each, uid_of
from tests.unit.upload.bodies import part10, related
from tests.unit.upload.receiving import Client, Uploads, request
from tests.unit.upload.test_uploads import slices

pytestmark = pytest.mark.faults

MIB = 1 << 20


def test_every_instance_that_an_answer_names_survives_kill_9_exactly_once(tmp_path: Path) -> None:
    files = {uid_of(file): file for file in write_ct_series(tmp_path / "series", slices=120)}
    bodies = [(uid, request(file.read_bytes(), "/instances", "application/dicom")) for uid, file in files.items()]
    with ReceiverProcess(tmp_path / "home", "--http-port", "0") as receiver:
        acknowledged: list[str] = []
        enough = threading.Event()

        def upload(some: list[tuple[str, bytes]]) -> None:
            try:
                with Client(receiver.http_port) as client:
                    for _, body in some:
                        client.send(body)
                        acknowledged.extend(client.answer().stored)
                        if len(acknowledged) >= 40:
                            enough.set()
            except (OSError, IndexError, ValueError):
                pass  # it was killed

        threads = [threading.Thread(target=upload, args=(bodies[start::3],)) for start in range(3)]
        for thread in threads:
            thread.start()
        assert enough.wait(120)
        receiver.kill()
        for thread in threads:
            thread.join()
        first = set(acknowledged)
        receiver.start()
        assert first <= set(receiver.kept())
        assert not receiver.layout.parts()
        upload(bodies)
        assert receiver.stop() == 0
        assert receiver.kept() == once_each(files)
        assert receiver.kept_bytes() == {uid: data_set_bytes(file) for uid, file in files.items()}


def test_a_body_cut_off_anywhere_leaves_only_what_was_whole(tmp_path: Path) -> None:
    files = slices(3)
    whole = request(related(files.values()))
    places = random.Random(6)
    with Uploads(tmp_path) as uploads:
        for number in range(150):
            with uploads.connect() as client:
                client.send(whole[: places.randrange(len(whole) - 5)])
                if number % 2:  # so is the last one: then each of the others has its thread
                    client._socket.shutdown(socket.SHUT_WR)
                    while not client.is_closed():
                        pass
        kept = uploads.kept()
        assert not uploads.engine.port.places
        assert uploads.left_over() == []
        assert set(kept) <= set(files)
        for uid, content in kept.items():
            assert files[uid].endswith(content)


def test_mutated_uploads_leave_no_thread_no_file_and_no_object_that_was_not_sent(tmp_path: Path) -> None:
    faults: list[object] = []
    before, threading.excepthook = threading.excepthook, faults.append
    chance = random.Random(66)
    whole = request(related(slices(2).values()))
    try:
        with Uploads(tmp_path) as uploads:
            for _ in range(1000):
                content = bytearray(whole)
                for _ in range(chance.choice((1, 1, 2, 8))):
                    at = chance.randrange(len(content))
                    match chance.randrange(4):
                        case 0:
                            content[at] = chance.randrange(256)
                        case 1:
                            del content[at : at + chance.randrange(1, 40)]
                        case 2:
                            content[at:at] = chance.randbytes(chance.randrange(1, 40))
                        case _:
                            content[at:at] = content[chance.randrange(len(content)) :][:40]
                with uploads.connect() as client:
                    client.send(bytes(content))
                    client._socket.shutdown(socket.SHUT_WR)
                    while not client.is_closed():
                        pass
            assert uploads.post(whole.partition(b"\r\n\r\n")[2]).status in {200, 202}
            uploads.close()
            assert not uploads.engine.port.places
            assert uploads.left_over() == []
            assert faults == []
    finally:
        threading.excepthook = before


def test_thousands_of_parts_with_thousands_of_faults_are_each_answered(tmp_path: Path) -> None:
    [(uid, file)] = slices(1).items()
    with Uploads(tmp_path) as uploads:
        answer = uploads.post(related([b"x" * (number % 7) for number in range(3000)] + [file]))
        assert (answer.status, answer.stored, len(answer.others)) == (202, [uid], 3000)
        assert list(uploads.kept()) == [uid]
        assert uploads.left_over() == []


def test_memory_does_not_follow_the_size_of_an_instance(tmp_path: Path) -> None:
    dataset = ct_slice(rows=2)
    dataset.PixelData = b""
    small, uid = part10(dataset), str(dataset.SOPInstanceUID)
    head, tail = small[: small.rindex(b"\xe0\x7f\x10\0")], 256 * MIB
    element = b"\xe0\x7f\x10\0OW\0\0" + tail.to_bytes(4, "little")
    size = len(head) + len(element) + tail
    block = os.urandom(MIB)
    with ReceiverProcess(tmp_path / "home", "--http-port", "0") as receiver:

        def resident() -> int:
            assert receiver.process is not None
            status = Path(f"/proc/{receiver.process.pid}/status").read_text()
            return int(status.partition("VmHWM:")[2].split()[0]) << 10

        with Client(receiver.http_port) as client:
            client.send(request(part10(), "/instances", "application/dicom"))
            assert client.answer().status == 200
            before = resident()
            client.send(request(b"", "/instances", "application/dicom", length=size) + head + element)
            for _ in range(tail // MIB):
                client.send(block)
            assert client.answer().status == 200
            assert resident() - before < 8 * MIB
        assert receiver.stop() == 0
        kept = receiver.kept_bytes()[uid]
        assert len(kept) > tail
        assert zlib.crc32(kept[-MIB:]) == zlib.crc32(block)
