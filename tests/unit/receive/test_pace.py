"""A message that stops or trickles ends; what may be long is the time between two messages, and our own work."""

import socket
import threading
from collections.abc import Sequence

import pytest

from processors.dicom.fast.association import Timers
from processors.dicom.fast.errors import SilentError, SlowError
from processors.dicom.fast.wire import Wire
from processors.dicom.pace import Pace, find_vanished
from processors.dicom.watchman import Watched
from processors.limits import ReceiverLimits
from tests.unit.receive.raw_peer import CT, RawPeer, echo, pdu, pdv, request, store

HASTY = Timers(artim=60, silence=60, silence_inside=0.2, pace=1000, pace_over=60)
STRICT = Timers(artim=60, silence=60, silence_inside=60, pace=1000, pace_over=0.5)


class Scripted:
    """A connection whose bytes come as written down; it notes how long each read would have waited."""

    family = socket.AF_UNIX

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self._timeout = 0.0
        self.waits: list[float] = []

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def recv_into(self, buffer: memoryview) -> int:
        self.waits.append(self._timeout)
        if not self._pieces:
            raise TimeoutError
        piece = self._pieces.pop(0)
        buffer[: len(piece)] = piece
        return len(piece)


def wire(*pieces: bytes) -> tuple[Wire, Scripted]:
    connection = Scripted(*pieces)
    made = Wire(connection, lambda: None, lambda: None)  # type: ignore[arg-type]
    made.expect_messages(3600, 60, Pace(1000, 120))
    made.between_messages()
    return made, connection


def test_the_first_byte_of_a_message_may_be_long_in_coming_and_the_others_not() -> None:
    read, connection = wire(b"1", b"23456", b"7")
    read.need(6)
    read.some(1)
    read.between_messages()
    with pytest.raises(SilentError):
        read.need(1)
    assert connection.waits == [3600, 60, 60, 3600]


def test_a_message_whose_head_was_here_already_is_no_pause_either() -> None:
    """A sender that does not wait for our answer may have sent the next head with the last byte."""
    read, connection = wire(b"123456abcdef")
    read.need(6)
    read.between_messages()
    read.need(6)
    with pytest.raises(SlowError):
        read.some(1)
    assert connection.waits == [3600, 60]


@pytest.mark.parametrize(
    ("came", "is_enough"),
    [
        ([(1, 1.0)] * 119, True),
        ([(1, 1.0)] * 120, False),
        ([(120_000, 0.0), (1, 120.0)], True),
        ([(119_000, 0.0), (1, 120.0)], False),
        ([(10**9, 0.0), (1, 120.0), (1, 120.0)], False),
        ([(1, 0.0)] * 100_000, True),
    ],
    ids=[
        "not yet known",
        "a byte a second",
        "fast, then a pause",
        "not fast enough",
        "credit does not last",
        "no waiting",
    ],
)
def test_the_pace_counts_bytes_over_the_time_that_we_waited(came: Sequence[tuple[int, float]], is_enough: bool) -> None:
    pace = Pace(1000, 120)
    assert all(pace.came(count, seconds) for count, seconds in came) == is_enough


@pytest.mark.parametrize(
    "begun",
    [b"\4", echo()[:-5], store(bytes(1000))[:-500], store(bytes(1000))[: -(1000 + 12)]],
    ids=["in a PDU's head", "in a command", "in a data set", "between two PDUs of a message"],
)
def test_a_message_that_stops_in_the_middle_ends_its_association(begun: bytes) -> None:
    with RawPeer(HASTY) as peer:
        peer.associate()
        peer.send(begun)
        assert peer.answer() == (7, bytes(4))
        peer.receiver.told.wait(60)
        assert peer.receiver.endings == ["aborted"]
        assert peer.receiver.troubles == [("too-slow", "nothing in 0.2 s")]
        assert {one.end for one in peer.receiver.objects} <= {"abandoned"}


def test_an_association_that_rests_is_left_alone_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the waits that it asks the kernel for, rather than by waiting."""
    asked: list[float] = []
    real = Wire._set_timeout

    def noted(self: Wire, seconds: float) -> None:
        asked.append(seconds)
        real(self, seconds)

    monkeypatch.setattr(Wire, "_set_timeout", noted)
    with RawPeer(HASTY) as peer:
        peer.associate()
        peer.send(echo())
        assert peer.answer()[0] == 4
        peer.send(pdu(5, bytes(4)))
        assert peer.answer()[0] == 6
        peer.receiver.told.wait(60)
    assert peer.receiver.endings == ["released"]
    assert 60 in asked


@pytest.mark.parametrize(
    "begun",
    [pdu(4, pdv(CT, 1, bytes(9000)))[:20], store(bytes(100_000))[:-90_000]],
    ids=["in a command", "in an object"],
)
def test_a_byte_now_and_then_is_no_better_than_silence(begun: bytes) -> None:
    with RawPeer(STRICT) as peer:
        peer.associate()
        peer.send(begun)
        while not peer.receiver.told.wait(0.05):
            try:
                peer.send(b"\0")
            except OSError:
                break
        peer.receiver.told.wait(60)
        assert peer.receiver.troubles == [("too-slow", "less than 1 kB/s over 0.5 s")]


def test_a_request_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    with RawPeer(Timers(artim=0.5)) as peer:
        for each in request():
            if ended.wait(0.02):
                break
            try:
                peer.send(bytes([each]))
            except OSError:
                break
        assert peer.closed()
    assert peer.receiver.troubles == [("no-request", "0.5")]


def test_our_own_work_is_not_counted_as_the_peers_waiting() -> None:
    watched = Watched(ReceiverLimits(silence_inside=10, pace_over=20))
    watched.is_asked = watched.is_inside = watched.is_busy = True
    assert [watched.fault(30.0) for _ in range(5)] == [None] * 5
    watched.is_busy = False
    assert watched.fault(30.0) == ("too-slow", "nothing in 10 s")


def test_the_watchman_sees_a_trickle_and_forgets_it_between_messages() -> None:
    watched = Watched(ReceiverLimits(silence_inside=10, pace=1000, pace_over=20))
    watched.is_asked = watched.is_inside = True
    found = []
    for _ in range(4):
        watched.came += 1
        found.append(watched.fault(5.0))
    assert found == [None, None, None, ("too-slow", "less than 1 kB/s over 20 s")]
    watched.is_inside = False
    assert watched.fault(3600.0) is None


def test_a_connection_asks_the_kernel_to_find_a_peer_that_vanished() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as connection:
        find_vanished(connection, 120)
        asked = {
            name: connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        }
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert asked == {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 120_000}
