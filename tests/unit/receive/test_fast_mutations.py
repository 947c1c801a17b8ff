"""Whatever comes, an association of the fast engine ends once, answers what it can, and raises nothing."""

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.dicom.admission import Everybody
from processors.dicom.fast.association import Association, Connection, Timers
from tests.unit.receive.raw_peer import Remembers, echo, pdu, request, store

CONVERSATION = request() + echo() + store(b"content" * 30) + store(b"", uid="1.2.4") + pdu(5, bytes(4))


class Recorded:
    """A socket on which everything has come already, and then the end."""

    family = 0

    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)
        self.sent = b""
        self.is_closed = False

    def recv_into(self, buffer: memoryview) -> int:
        size = min(len(buffer), len(self._rest), 1000)
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def sendall(self, content: bytes) -> None:
        self.sent += content

    def settimeout(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


def association(connection: Recorded, receiver: Remembers) -> Association:
    return Association(
        Connection(connection, "192.0.2.1"),  # type: ignore[arg-type]
        receiver,
        Everybody(),
        None,
        Timers(),
    )


def converse(content: bytes) -> tuple[Recorded, Remembers]:
    connection, receiver = Recorded(content), Remembers()
    association(connection, receiver).run()
    return connection, receiver


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The conversation with some bytes changed, taken out or put in, and cut."""
    content = bytearray(CONVERSATION)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(content) - 1))
        match draw(st.sampled_from(["change", "take", "put"])):
            case "change":
                content[place] = draw(st.sampled_from([0, 1, 2, 3, 4, 5, 7, 0x7F, 0x80, 0xFF]))
            case "take":
                del content[place : place + draw(st.integers(1, 20))]
            case "put":
                content[place:place] = draw(st.binary(min_size=1, max_size=20))
    return bytes(content[: draw(st.integers(len(content) * 3 // 4, len(content)))])


def test_the_conversation_itself_is_a_good_one() -> None:
    connection, receiver = converse(CONVERSATION)
    assert receiver.endings == ["released"]
    assert [one.end for one in receiver.objects] == ["finished"] * 2
    assert connection.is_closed


@settings(max_examples=1000, deadline=None)
@given(content=mutated())
def test_a_mutated_conversation_ends_once_and_closes(content: bytes) -> None:
    connection, receiver = converse(content)
    assert len(receiver.endings) == len(receiver.peers) <= 1
    assert all(one.end in {"finished", "abandoned"} for one in receiver.objects)
    assert connection.is_closed


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=400))
def test_noise_never_becomes_an_association(content: bytes) -> None:
    connection, receiver = converse(content)
    assert not receiver.peers
    assert connection.is_closed


@pytest.mark.parametrize(
    "content",
    [CONVERSATION, request(), request() + store(b"content")[:-3], request() + pdu(9, b""), pdu(4, b""), b""],
    ids=["released", "lost", "lost inside an object", "no such PDU", "no request", "nothing"],
)
def test_an_association_that_has_ended_is_gone_before_anybody_looks_for_garbage(content: bytes) -> None:
    one = association(Recorded(content), Remembers())
    there = weakref.ref(one)
    gc.disable()
    try:
        one.run()
        del one
        assert there() is None
    finally:
        gc.enable()
