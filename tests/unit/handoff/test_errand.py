"""What the service and the process of large bodies say is what the other one hears, or it is broken off."""

import io
import socket

import pytest

from handoff.bulk.errand import BrokenOffError, Errand, Outcome, answer, answered, ask, asked
from handoff.shipments.stream import SeenMember

ERRAND = Errand(left=3 << 30, silence_seconds=0.5, slowest_bytes_per_second=4096, most_members=None)
OUTCOME = Outcome("whole", read=2, size=5, sha256="ab" * 32)
SEEN = {
    30: SeenMember(size=5 << 32, digest="cd" * 32, crc=0xFFFFFFFF, header=b"PK\x03\x04" * 8),
    9000: SeenMember(size=0, digest=None, crc=0),
}


def said(speak, *what: object) -> bytes:
    """Everything that one side says."""
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            speak(ours, *what)
        with theirs.makefile("rb") as stream:
            return stream.read()


@pytest.mark.parametrize("came", [b"", b"begin", b"x" * 100_000])
def test_an_errand_is_heard_as_it_was_said(came):
    assert asked(io.BytesIO(said(ask, ERRAND, came))) == (ERRAND, came)


def test_nothing_that_follows_an_errand_is_taken():
    stream = io.BytesIO(said(ask, ERRAND, b"begin") + b"s")
    asked(stream)
    assert stream.read() == b"s"


@pytest.mark.parametrize("seen", [{}, SEEN], ids=["nothing", "members"])
@pytest.mark.parametrize("outcome", [OUTCOME, Outcome("disk", 7, number=28), Outcome("failed", 0, cause="ValueError")])
def test_an_answer_is_heard_as_it_was_said(outcome, seen):
    assert answered(io.BytesIO(said(answer, outcome, seen))) == (outcome, seen)


def test_an_answer_that_breaks_off_anywhere_is_none():
    whole = said(answer, OUTCOME, SEEN)
    for size in range(len(whole)):
        with pytest.raises(BrokenOffError):
            answered(io.BytesIO(whole[:size]))
