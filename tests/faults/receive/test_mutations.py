"""100,000 mutated messages and requests: each conversation ends by itself, and nothing is left behind.

All mutations come from fixed seeds: every run sends the same bytes. The whole conversation is in the socket before the
association reads its first byte, in this very thread, so that nothing depends on time.
"""

import faulthandler
import gc
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.dicom.admission import Everybody
from processors.dicom.fast.association import Association, Connection, Timers
from processors.dicom.silence import silence
from processors.ledger.schema import connect_readonly
from processors.ledger.writer import Work
from tests.faults.receive.desk import Desk, an_object
from tests.receiver_process import unfinished
from tests.unit.receive.raw_peer import CT, command, echo, pdu, pdv, request, store

pytestmark = pytest.mark.faults

MESSAGES, SEEDS = 10_000, range(8)
OF_A_CONVERSATION = 10
REQUESTS, SEEDS_OF_REQUESTS = 5_000, range(4)
HANG_SECONDS = 300
"""For a hundred conversations, which take one; a test that hangs says where."""
REQUEST = request()
ODD_BYTES = (0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x20, 0x21, 0x30, 0x40, 0x50, 0x7F, 0x80, 0xFE, 0xFF)
ODD_LENGTHS = (0, 1, 2, 5, 6, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def mutate(chance: random.Random, content: bytes) -> bytes:
    """Some bytes changed, taken out, put in or repeated, a length that lies, or all of it cut."""
    mutated = bytearray(content)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(mutated) or 1)
        match chance.randrange(7):
            case 0:
                mutated[place : place + 1] = bytes([chance.choice(ODD_BYTES)])
            case 1:
                del mutated[place : place + chance.randrange(1, 20)]
            case 2:
                mutated[place:place] = chance.randbytes(chance.randrange(1, 20))
            case 3:
                mutated[place:place] = mutated[place : place + chance.randrange(1, 60)]
            case 4:
                width, order = chance.choice(((2, "big"), (4, "big"), (2, "little"), (4, "little")))
                length = chance.choice(ODD_LENGTHS) & ((1 << 8 * width) - 1)
                mutated[place : place + width] = length.to_bytes(width, order)  # type: ignore[arg-type]
            case 5:
                del mutated[place:]
            case 6:
                mutated[place : place + 1] = bytes([mutated[place] ^ (1 << chance.randrange(8))]) if mutated else b""
    return bytes(mutated)


def a_message(chance: random.Random, number: int) -> bytes:
    """An echo or a store, small or in fragments, of which half the mutations keep the outer lengths right."""
    uid = f"1.2.9.{number % 500}"
    content = an_object(uid, series=f"1.2.{number % 7}")
    kind = chance.randrange(6)
    if kind == 0:
        return mutate(chance, echo())
    if kind == 1:  # inside the data set
        return store(mutate(chance, content), uid)
    if kind == 2:  # inside the command
        return pdu(4, pdv(CT, 3, mutate(chance, command(1, data=True, uid=uid)))) + pdu(4, pdv(CT, 2, content))
    if kind == 3:  # fragments
        middle = chance.randrange(len(content))
        inside = pdv(CT, 0, content[:middle]) + pdv(CT, 2, content[middle:])
        return pdu(4, pdv(CT, 3, command(1, data=True, uid=uid))) + pdu(4, mutate(chance, inside))
    if kind == 4:
        return store(content, uid)
    return mutate(chance, store(content, uid))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A receiver whose syncs are quick: whether they are done is another test's matter."""
    silence()  # as both engines do: pydicom's warnings quote what came, and each is remembered
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda _: None)
    with Desk(tmp_path) as desk:
        yield desk
        faulthandler.cancel_dump_traceback_later()


def converse(desk: Desk, content: bytes) -> bytes:
    """Let an association read all of it, and then the end; what it answered."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        assert ours.send(content) == len(content)
        ours.shutdown(socket.SHUT_WR)
        Association(Connection(theirs, "192.0.2.1"), desk.receiver, Everybody(), None, Timers()).run()
        answers = b""
        while more := ours.recv(1 << 20):
            answers += more
        return answers


def successes(answers: bytes) -> int:
    """How many C-STORE-RSPs in these PDUs say Success; every PDU must be one that we may send."""
    found, message = 0, b""
    while answers:
        assert answers[0] in {2, 3, 4, 6, 7}
        length = int.from_bytes(answers[2:6], "big")
        kind, body, answers = answers[0], answers[6 : 6 + length], answers[6 + length :]
        assert len(body) == length
        if kind == 4:  # one fragment: a peer that takes short PDUs gets several
            message += body[6:]
            if body[5] & 2:
                found += b"\0\0\0\x01\2\0\0\0\x01\x80" in message and b"\0\0\0\x09\2\0\0\0\0\0" in message
                message = b""
    return found


class Held:
    """What this process holds: descriptors, threads, memory, and objects of Python."""

    def __init__(self) -> None:
        gc.collect()
        self.descriptors = len(list(Path("/proc/self/fd").iterdir()))
        self.threads = threading.active_count()
        self.objects = len(gc.get_objects())
        self.bytes = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def assert_no_more_than(self, before: "Held") -> None:
        assert self.descriptors <= before.descriptors + 2  # the ledger's own come and go
        assert self.threads <= before.threads
        assert self.objects < before.objects + 2_000
        assert self.bytes < before.bytes + (64 << 20)


def drain(desk: Desk) -> None:
    """Wait until all that was reported is in the ledger, and the writer holds none of it any more.

    The first time deliveries are entered, the second time the ends of associations, which are reported when those are;
    and what was done together is let go only after all of it was told.
    """
    for _ in range(3):
        done = threading.Event()
        desk.receiver._writer.submit(Work(lambda _: None, then=done.set))
        done.wait()


def run(desk: Desk, seed: int, conversations: int, make: Callable[[random.Random, int], bytes]) -> int:
    """Have them all; how many Successes were said. After a tenth of them nothing more may be held."""
    chance = random.Random(seed)
    said, before = 0, None
    for number in range(conversations):
        if number % 100 == 0:
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        said += successes(converse(desk, make(chance, number)))
        if number == conversations // 10:
            drain(desk)
            before = Held()
    drain(desk)
    assert before is not None
    Held().assert_no_more_than(before)
    return said


def assert_clean(desk: Desk, said: int) -> None:
    """No fault of ours, no file but what was acknowledged, and as many acknowledged as were told so."""
    faults = [event for event in desk.events() if "fault" in str(event["event"]) or "retry" in str(event["event"])]
    assert not faults, faults[:5]
    assert all(line.isprintable() for line in desk.log.getvalue().splitlines())
    assert not unfinished(desk.layout)
    with closing(connect_readonly(desk.ledger)) as ledger:
        assert ledger.execute("SELECT count(*) FROM instances").fetchone()[0] == said


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_messages_leave_nothing_behind(desk: Desk, seed: int) -> None:
    def conversation(chance: random.Random, number: int) -> bytes:
        first = number * OF_A_CONVERSATION
        messages = [a_message(chance, first + each) for each in range(OF_A_CONVERSATION)]
        return REQUEST + b"".join(messages) + pdu(5, bytes(4))

    assert_clean(desk, run(desk, seed, MESSAGES // OF_A_CONVERSATION, conversation))


@pytest.mark.parametrize("seed", SEEDS_OF_REQUESTS)
def test_mutated_requests_leave_nothing_behind(desk: Desk, seed: int) -> None:
    def conversation(chance: random.Random, number: int) -> bytes:
        body = mutate(chance, REQUEST[6:])
        mutated = pdu(1, body) if number % 2 else mutate(chance, REQUEST)
        return mutated + store(an_object("1.2.3"), "1.2.3") + pdu(5, bytes(4))

    assert_clean(desk, run(desk, seed, REQUESTS, conversation))
