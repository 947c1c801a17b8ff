"""Large bodies are read by threads: all of a body, not a byte of what follows it, and not for ever."""

import errno
import hashlib
import mmap
import socket
import threading
from contextlib import contextmanager

import pytest

from handoff.access.access_settings import AccessLimits
from handoff.bulk.pace import Pace
from handoff.bulk.reading import BLOCK, Reading, Rest, SenderGoneError
from handoff.errors import SlowError, StoppingError
from handoff.store.incoming import Spool

BODY = bytes(range(251)) * (10 * BLOCK // 251)
"""Longer than the ring, and of no even length."""


@contextmanager
def connection():
    """A sender's socket and the service's, which never blocks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sender = socket.create_connection(listening.getsockname())
        receiver, _ = listening.accept()
    receiver.setblocking(False)
    with sender, receiver:
        yield sender, receiver


@contextmanager
def sending(sender: socket.socket, *pieces: bytes):
    thread = threading.Thread(target=lambda: [sender.sendall(piece) for piece in pieces])
    thread.start()
    yield
    thread.join()


def reading(receiver: socket.socket, left: int, came: bytes = b"", over=lambda: False, silence: float = 60) -> Reading:
    return Reading(Rest(came, left, receiver), Pace(AccessLimits(silence_seconds=silence)), over)


@pytest.mark.parametrize("step", [1000, 65536, 3 * BLOCK + 7])
def test_each_step_sees_all_of_a_body_in_its_order(step):
    seen = [bytearray(), bytearray()]
    pieces = [BODY[at : at + step] for at in range(150, len(BODY), step)]
    with connection() as (sender, receiver), sending(sender, *pieces):
        body = reading(receiver, len(BODY) - 150, came=BODY[50:150])
        body.pass_on(BODY[:50], [seen[0].extend, seen[1].extend])
    assert seen == [BODY, BODY]
    assert body.read == len(BODY) - 150


def test_what_follows_a_body_is_left_to_others():
    with connection() as (sender, receiver), sending(sender, BODY, b"GET / HTTP/1.1"):
        reading(receiver, len(BODY)).pass_on(b"", [len])
        receiver.setblocking(True)
        assert receiver.recv(14, socket.MSG_WAITALL) == b"GET / HTTP/1.1"


def test_a_sender_that_goes_away_ends_it():
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        sender.close()
        with pytest.raises(SenderGoneError):
            reading(receiver, len(BODY)).pass_on(b"", [len])


def test_a_sender_that_falls_silent_is_given_up_with_what_it_sent():
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        body = reading(receiver, len(BODY), silence=0.1)
        with pytest.raises(SlowError):
            body.pass_on(b"", [len])
        assert body.read == 1000


def test_a_request_that_is_given_up_waits_for_nobody():
    with connection() as (_, receiver):
        body = reading(receiver, len(BODY), silence=1000)
        body.given_up.set()
        with pytest.raises(SlowError):
            body.pass_on(b"", [len])


def test_a_request_that_is_given_up_reads_nothing_more_of_a_sender_that_goes_on():
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        body = reading(receiver, 1000)
        body.given_up.set()
        with pytest.raises(SlowError):
            body.pass_on(b"", [len])
        assert body.read == 0


def test_a_network_that_goes_away_is_a_sender_that_goes_away():
    class Unreachable(socket.socket):
        def recv_into(self, *_arguments: object) -> int:
            raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    with Unreachable() as receiver, pytest.raises(SenderGoneError):
        reading(receiver, 1000).pass_on(b"", [len])


def test_no_error_keeps_the_memory_of_a_body():
    seen: list[memoryview] = []
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        sender.close()
        with pytest.raises(SenderGoneError):
            reading(receiver, BLOCK).pass_on(b"y" * BLOCK, [seen.append])
    assert not any(seen[0])


def test_no_step_waits_for_blocks_where_another_could_not_begin(monkeypatch):
    start, begun = threading.Thread.start, []

    def start_one(thread: threading.Thread) -> None:
        if begun:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    with connection() as (_, receiver), pytest.raises(RuntimeError, match="start new thread"):
        reading(receiver, BLOCK).pass_on(b"", [len, len])
    assert not begun[0].is_alive()


def test_what_comes_after_the_end_of_the_service_is_refused():
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        body = reading(receiver, len(BODY), over=lambda: True)
        with pytest.raises(StoppingError):
            body.pass_on(b"", [len])
        assert body.read == 1000


def test_the_end_of_the_service_waits_for_no_silent_sender():
    with connection() as (_, receiver), pytest.raises(StoppingError):
        reading(receiver, len(BODY), over=lambda: True, silence=0.1).pass_on(b"", [len])


def test_the_error_of_a_step_is_raised_once_all_of_them_have_ended():
    def full(_block: memoryview) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = threading.active_count()
    with connection() as (sender, receiver), sending(sender, BODY[:BLOCK]):
        with pytest.raises(OSError, match="No space left"):
            reading(receiver, BLOCK).pass_on(b"", [len, full])
        assert threading.active_count() <= before + 1  # the sender's


@pytest.mark.parametrize("sizes", [(4096,), (BLOCK, BLOCK, 5), (8192, 3, 4096), (7,), ()])
def test_a_body_that_goes_past_the_cache_is_the_same(tmp_path, sizes):
    ring = memoryview(mmap.mmap(-1, BLOCK))
    ring[:] = BODY[:BLOCK]
    body = Spool(tmp_path).receive()
    body.go_past_cache()
    for size in sizes:
        body.hash(ring[:size])
        body.store(ring[:size])
    expected = b"".join(BODY[:size] for size in sizes)
    assert (body.size, body.sha256) == (len(expected), hashlib.sha256(expected).hexdigest())
    body.keep(tmp_path / "kept" / "body")
    assert (tmp_path / "kept" / "body").read_bytes() == expected


def test_memory_that_no_disk_takes_as_it_lies_goes_by_the_cache(tmp_path):
    """An address that is not aligned: what EINVAL says of a disk with larger sectors, too."""
    body = Spool(tmp_path).receive()
    body.go_past_cache()
    body.store(memoryview(BODY)[1 : 1 + BLOCK])
    assert body.path.read_bytes() == BODY[1 : 1 + BLOCK]
    body.discard()
