"""Peers that lie, break off or come in crowds, against a real receiver with the fast engine."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from tests.receiver_process import ReceiverProcess, unfinished
from tests.unit.receive.raw_peer import CT, command, echo, pdu, pdv, request, store
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

MIB = 1 << 20
ABORTED_FOR_ITS_LENGTH = pdu(7, b"\0\0\2\1")


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[ReceiverProcess]:
    with ReceiverProcess(tmp_path / "home", "--engine", "fast") as process:
        yield process


def associate(receiver: ReceiverProcess) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", receiver.port), timeout=60)
    connection.sendall(request())
    assert connection.recv(65536)[0] == 2
    return connection


def resident_bytes(receiver: ReceiverProcess) -> int:
    assert receiver.process is not None
    pages = Path(f"/proc/{receiver.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    return (
        head + (b"\0\0" + len(value).to_bytes(4, "little") if vr == b"OW" else len(value).to_bytes(2, "little")) + value
    )


def an_object(uid: str, pixel_bytes: int) -> bytes:
    """A data set with identifiers and pixels, explicit VR little endian."""
    return (
        element(8, 0x16, b"UI", str(CTImageStorage).encode())
        + element(8, 0x18, b"UI", uid.encode())
        + element(0x20, 0xD, b"UI", b"1.2.1")
        + element(0x20, 0xE, b"UI", b"1.2.2")
        + element(0x7FE0, 0x10, b"OW", bytes(pixel_bytes))
    )


def send_object(connection: socket.socket, uid: str, content: bytes) -> int:
    """Send it in PDUs of 128 KB; returns the status."""
    connection.sendall(pdu(4, pdv(CT, 3, command(1, data=True, uid=uid))))
    for begin in range(0, len(content), 131066):
        end = begin + 131066
        connection.sendall(pdu(4, pdv(CT, 2 if end >= len(content) else 0, content[begin:end])))
    answer = connection.recv(65536)
    place = answer.index(b"\0\0\0\x09\2\0\0\0") + 8
    return int.from_bytes(answer[place : place + 2], "little")


def test_a_pdu_that_claims_4_gb_is_refused_and_costs_no_memory(receiver: ReceiverProcess) -> None:
    associate(receiver).close()  # what is loaded for the first one is no growth
    before = resident_bytes(receiver)
    with associate(receiver) as liar:
        liar.sendall(b"\4\0\xff\xff\xff\xff")
        assert liar.recv(100) == ABORTED_FOR_ITS_LENGTH
        try:
            for _ in range(64):
                liar.sendall(bytes(MIB))
        except OSError:
            pass  # it has hung up
        assert resident_bytes(receiver) - before < MIB
    wait_for(lambda: receiver.rows("SELECT count(*) FROM associations WHERE ending = 'aborted'") == [(1,)])


def test_an_association_request_that_claims_4_gb_is_refused(receiver: ReceiverProcess) -> None:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=60) as liar:
        liar.sendall(b"\1\0\xff\xff\xff\xff")
        assert liar.recv(100) == pdu(7, bytes(4))


def test_half_an_object_and_a_closed_connection_leave_no_file(receiver: ReceiverProcess) -> None:
    with associate(receiver) as sender:
        sender.sendall(store(an_object("1.2.3", 100_000))[:-5000])
        wait_for(receiver.layout.parts)
    wait_for(lambda: receiver.rows("SELECT ending, acknowledged FROM associations") == [("lost", 0)])
    wait_for(lambda: not unfinished(receiver.layout))
    assert not list(receiver.layout.deliveries.iterdir())


def test_64_that_connect_at_once_are_all_served(receiver: ReceiverProcess) -> None:
    with ExitStack() as stack:
        address = ("127.0.0.1", receiver.port)
        together = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(64)]
        for connection in together:
            connection.sendall(request())
        assert [connection.recv(65536)[0] for connection in together] == [2] * 64
        for connection in together:
            connection.sendall(echo())
        assert [connection.recv(65536)[0] for connection in together] == [4] * 64


def test_the_size_of_an_object_is_no_matter_of_memory(receiver: ReceiverProcess) -> None:
    with associate(receiver) as sender:
        assert send_object(sender, "1.2.3", an_object("1.2.3", MIB)) == 0
        before = resident_bytes(receiver)
        assert send_object(sender, "1.2.4", an_object("1.2.4", 160 * MIB)) == 0
        assert resident_bytes(receiver) - before < 8 * MIB


def test_50_idle_associations_cost_little_memory_and_no_time(receiver: ReceiverProcess) -> None:
    assert receiver.process is not None
    before = resident_bytes(receiver)
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(associate(receiver))
        assert resident_bytes(receiver) - before < 50 * MIB // 2
        pid = receiver.process.pid

        def idles() -> bool:
            begin = cpu_seconds(pid)
            time.sleep(2)
            return cpu_seconds(pid) - begin <= 0.02

        wait_for(idles)


def test_a_store_without_a_data_set_gets_an_answer(receiver: ReceiverProcess) -> None:
    with associate(receiver) as sender:
        sender.sendall(pdu(4, pdv(CT, 3, command(1))))
        answer = sender.recv(65536)
        assert b"\0\0\0\x09\2\0\0\0\0\xc0" in answer  # C000, cannot understand
        assert send_object(sender, "1.2.3", an_object("1.2.3", 10)) == 0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
