"""A body that the process of large bodies read is the same as one that was read here."""

import errno
import hashlib
import os
import signal
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect

from handoff.access.access_settings import AccessLimits
from handoff.bulk.beside import BulkBeside, NobodyReadsError
from handoff.bulk.given import GivenBody
from handoff.bulk.reading import BLOCK, Rest
from handoff.errors import ReaderDiedError, SlowError, StoppingError
from handoff.shipments.stream import MemberStream
from handoff.store.incoming import Spool
from tests.integration.handoff.packages import Package
from tests.waiting import wait_for

BODY = bytes(range(251)) * (10 * BLOCK // 251)


@pytest.fixture(scope="module")
def beside():
    beside = BulkBeside()
    beside.start()
    wait_for(lambda: beside.there)
    yield beside
    beside.stop()


@pytest.fixture
def body(tmp_path):
    body = Spool(tmp_path).receive()
    yield body
    body.discard()


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


def given(receiver: socket.socket, left: int, came: bytes = b"", over=lambda: False, silence: float = 60) -> GivenBody:
    return GivenBody(Rest(came, left, receiver), AccessLimits(silence_seconds=silence), over)


def test_all_of_a_body_is_written_and_hashed_and_what_follows_it_is_left(beside, body):
    with connection() as (sender, receiver), sending(sender, BODY[150:], b"GET / HTTP/1.1"):
        reading = given(receiver, len(BODY) - 150, came=BODY[50:150])
        reading.fill(body, BODY[:50], beside)
        receiver.setblocking(True)
        assert receiver.recv(14, socket.MSG_WAITALL) == b"GET / HTTP/1.1"
    assert reading.read == len(BODY) - 150
    assert (body.size, body.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert body.path.read_bytes() == BODY


def test_the_members_of_a_package_are_found_as_if_it_was_read_here(beside, tmp_path):
    package = Package.of(3, size=BLOCK).body()
    here, there = MemberStream(100), MemberStream(100)
    here.feed(package)
    body = Spool(tmp_path).receive(there)
    with connection() as (sender, receiver), sending(sender, package):
        given(receiver, len(package)).fill(body, b"", beside)
    assert there.seen == here.seen
    assert len(there.seen) == 4
    body.discard()


def test_a_sender_that_goes_away_ends_it(beside, body):
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        sender.close()
        with pytest.raises(ClientDisconnect):
            given(receiver, len(BODY)).fill(body, b"", beside)


def test_a_sender_that_falls_silent_is_given_up_with_what_it_sent(beside, body):
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        reading = given(receiver, len(BODY), silence=0.1)
        with pytest.raises(SlowError):
            reading.fill(body, b"", beside)
        assert reading.read == 1000


def test_a_request_that_is_given_up_waits_for_nobody(beside, body):
    with connection() as (_, receiver):
        reading = given(receiver, len(BODY), silence=1000)
        reading.given_up.set()
        with pytest.raises(SlowError):
            reading.fill(body, b"", beside)


def test_the_end_of_the_service_waits_for_no_silent_sender(beside, body):
    with connection() as (_, receiver), pytest.raises(StoppingError):
        given(receiver, len(BODY), over=lambda: True, silence=1000).fill(body, b"", beside)


def test_a_full_disk_is_the_error_that_it_is_here(beside, body, monkeypatch):
    monkeypatch.setattr(body, "opened_again", lambda: os.open("/dev/full", os.O_WRONLY))
    with connection() as (sender, receiver), sending(sender, BODY[:BLOCK]):
        with pytest.raises(OSError, match="No space left") as found:
            given(receiver, BLOCK).fill(body, b"", beside)
        assert found.value.errno == errno.ENOSPC


def test_a_body_whose_reader_dies_is_no_body_and_the_next_one_has_another_reader(tmp_path):
    beside = BulkBeside()
    beside.start()
    wait_for(lambda: beside.there)
    first, second = Spool(tmp_path).receive(), Spool(tmp_path).receive()
    try:
        with connection() as (sender, receiver):
            reading = given(receiver, len(BODY))
            child = beside.pid
            dying = threading.Thread(
                target=lambda: (wait_for(lambda: first.path.stat().st_size), os.kill(child, signal.SIGKILL))
            )
            dying.start()
            sender.sendall(BODY[: 2 * BLOCK])
            with pytest.raises(ReaderDiedError):
                reading.fill(first, b"", beside)
            dying.join()
            assert reading.read is None
        wait_for(lambda: beside.there and beside.pid != child)
        with connection() as (sender, receiver), sending(sender, BODY):
            given(receiver, len(BODY)).fill(second, b"", beside)
        assert second.sha256 == hashlib.sha256(BODY).hexdigest()
    finally:
        first.discard()
        second.discard()
        beside.stop()


def test_where_nobody_reads_nothing_is_read(body):
    with connection() as (sender, receiver):
        sender.sendall(b"x" * 1000)
        with pytest.raises(NobodyReadsError):
            given(receiver, 1000).fill(body, b"", BulkBeside())
        receiver.setblocking(True)
        assert len(receiver.recv(1000, socket.MSG_WAITALL)) == 1000


def test_no_secret_of_the_service_is_in_its_environment(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-to-be-seen")
    beside = BulkBeside()
    beside.start()
    try:
        wait_for(lambda: beside.there)
        assert b"never-to-be-seen" not in Path(f"/proc/{beside.pid}/environ").read_bytes()
    finally:
        beside.stop()


def pid_of(beside: BulkBeside) -> int:
    (child,) = beside.children
    return child
