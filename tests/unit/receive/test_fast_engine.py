"""Many connections, endings and refusals of the fast engine on real sockets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from processors.dicom.errors import ListenError
from processors.dicom.fast.association import Timers
from processors.dicom.fast.engine import FastEngine
from tests.unit.receive.raw_peer import CT, Remembers, command, pdu, pdv, request, store
from tests.waiting import wait_for

HOST = "127.0.0.1"


class Listening:
    """An engine, its receiver, and its port."""

    def __init__(self, **settings: object) -> None:
        self.receiver = Remembers()
        self.engine = FastEngine(HOST, 0, **settings)  # type: ignore[arg-type]
        _, self.port = self.engine.start(self.receiver)  # type: ignore[arg-type]

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=60)

    def associate(self) -> socket.socket:
        connection = self.connect()
        connection.sendall(request())
        assert connection.recv(65536)[0] == 2
        return connection


@pytest.fixture
def listening() -> Iterator[Listening]:
    one = Listening()
    yield one
    one.engine.stop(0)


def test_64_that_connect_at_once_are_all_served(listening: Listening) -> None:
    with ExitStack() as stack:
        together = [stack.enter_context(listening.connect()) for _ in range(64)]
        for connection in together:
            connection.sendall(request())
        for connection in together:
            assert connection.recv(65536)[0] == 2
        for connection in together:
            connection.sendall(store(b"content"))
        for connection in together:
            assert connection.recv(65536)[0] == 4
    wait_for(lambda: len(listening.receiver.endings) == 64)
    assert [one.end for one in listening.receiver.objects] == ["finished"] * 64


def test_beyond_the_limit_of_associations_the_next_one_is_rejected_and_later_served() -> None:
    listening = Listening(maximum_associations=1)
    try:
        with listening.associate(), listening.connect() as second:
            second.sendall(request())
            assert second.recv(100) == pdu(3, bytes((0, 2, 3, 2)))
        wait_for(lambda: not listening.engine.port.places)
        listening.associate().close()
    finally:
        listening.engine.stop(0)


def test_stopping_lets_an_object_be_finished_and_aborts_the_others(listening: Listening) -> None:
    whole = store(bytes(5000))
    with listening.associate() as idle, listening.associate() as busy, listening.connect() as silent:
        busy.sendall(whole[:-1])
        wait_for(lambda: listening.receiver.objects and len(listening.engine.port.places) == 3)
        stopping = threading.Thread(target=listening.engine.stop, args=(60,))
        stopping.start()
        wait_for(lambda: listening.engine.port.is_stopping)
        busy.sendall(whole[-1:])
        answers = all_of(busy)
        assert answers[0] == 4
        assert answers.endswith(pdu(7, bytes(4)))
        assert idle.recv(65536) == pdu(7, bytes(4))
        assert silent.recv(65536) == b""
        stopping.join(60)
        assert not stopping.is_alive()
    assert listening.receiver.endings == ["aborted"] * 2
    assert [one.end for one in listening.receiver.objects] == ["finished"]


def test_stopping_does_not_wait_for_an_object_longer_than_its_grace(listening: Listening) -> None:
    with listening.associate() as busy:
        busy.sendall(pdu(4, pdv(CT, 3, command(1, data=True))))
        wait_for(lambda: listening.receiver.objects)
        listening.engine.stop(0.1)
        assert busy.recv(65536) == pdu(7, bytes(4))
    assert [one.end for one in listening.receiver.objects] == ["abandoned"]


def test_a_stopped_engine_accepts_nobody(listening: Listening) -> None:
    listening.engine.stop(0)
    with pytest.raises(ConnectionRefusedError):
        listening.connect()


def test_a_port_in_use_is_said(listening: Listening) -> None:
    with pytest.raises(ListenError):
        FastEngine(HOST, listening.port).start(Remembers())  # type: ignore[arg-type]


def test_who_sends_http_is_told_of_as_no_dicom() -> None:
    listening = Listening(timers=Timers(artim=1))
    try:
        with listening.connect() as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert browser.recv(100) == pdu(7, bytes(4))
        assert listening.receiver.troubles == [("not-dicom", "first byte 0x47")]
    finally:
        listening.engine.stop(0)


def test_an_answer_does_not_wait_for_a_second_segment(listening: Listening) -> None:
    """Our TCP_NODELAY."""
    with listening.associate():
        [place] = listening.engine.port.places
        assert place.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def all_of(connection: socket.socket) -> bytes:
    """What comes until the connection is closed."""
    with connection.makefile("rb") as stream:
        return stream.read()
