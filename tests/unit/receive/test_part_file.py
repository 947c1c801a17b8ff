"""The file of an object on its way in: the same whichever threads write and hash it, and none of them outlives it."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.dicom import part_file, relay
from processors.dicom.part_file import PartFile
from tests.waiting import wait_for

HEAD, SMALL = b"head", b"s" * 36
SECONDS = 60


def threads() -> list[str]:
    """Those of relays, by their names."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name in {"hashing", "writing"})


def open_files(folder: Path) -> list[str]:
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - its own is one
    return [str(link.readlink()) for link in links if link.is_symlink() and folder in link.readlink().parents]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of 16 bytes, and an object of 40 is large; afterwards each has given back what it took."""
    monkeypatch.setattr(relay, "BLOCK_BYTES", 16)
    monkeypatch.setattr(part_file, "LARGE_BYTES", 40)
    monkeypatch.setattr(part_file, "_EARLY_BYTES", 64)
    yield
    assert threads() == []
    assert relay._places._value == relay.MOST_AT_ONCE


def empty(path: Path) -> str:
    path.touch()
    return str(path)


@pytest.fixture
def part(tmp_path: Path) -> Iterator[PartFile]:
    one = PartFile(empty(tmp_path / "one.part"), HEAD)
    yield one
    one.close()
    assert open_files(tmp_path) == []


def write_in_turn(one: PartFile, pieces: list[bytes]) -> None:
    """By way of one buffer that is used again for each piece, as a connection's is."""
    buffer = bytearray(max(map(len, pieces), default=0))
    for piece in pieces:
        buffer[: len(piece)] = piece
        one.write(memoryview(buffer)[: len(piece)])
        buffer[:] = bytes(len(buffer))


@dataclass(frozen=True)
class Held:
    """Writes of blocks that wait until they may go on."""

    begun: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


@contextmanager
def writes_held(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None] = lambda: None) -> Iterator[Held]:
    """Writes of blocks wait until they are told to go, or this ends; `then` is called before each."""
    held, real = Held(), os.writev

    def writev(descriptor: int, pieces: Any) -> int:
        if threading.current_thread().name == "writing":
            held.begun.set()
            assert held.go.wait(SECONDS)
            then()
        return real(descriptor, pieces)

    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", writev)
        try:
            yield held
        finally:
            held.go.set()


def fail(code: int) -> None:
    raise OSError(code, os.strerror(code))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(min_size=1, max_size=50), max_size=20))
def test_it_is_the_same_however_the_bytes_come(tmp_path: Path, pieces: list[bytes]) -> None:
    path = tmp_path / "any.part"
    one = PartFile(empty(path), HEAD)
    try:
        write_in_turn(one, pieces)
        assert one.digest() == hashlib.sha256(b"".join(pieces)).hexdigest()
        assert path.read_bytes() == (HEAD if pieces else b"") + b"".join(pieces)
    finally:
        one.close()
        path.unlink()


def test_only_what_is_large_has_threads(part: PartFile) -> None:
    part.write(b"." * (part_file.LARGE_BYTES - len(HEAD)))
    part.write(b"")
    assert threads() == []
    part.write(b".")
    assert threads() == ["hashing", "writing"]
    part.digest()
    assert threads() == []


def test_reading_goes_on_while_the_disk_is_slow_and_no_further_than_there_are_blocks(
    part: PartFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = SMALL + b"".join(bytes([number]) * 16 for number in range(50))
    with writes_held(monkeypatch) as held:
        part.write(SMALL)
        for number in range(relay.BLOCKS):
            part.write(content[len(SMALL) + 16 * number :][:16])
        rest = threading.Thread(target=part.write, args=(content[len(SMALL) + 16 * relay.BLOCKS :],))
        rest.start()
        wait_for(lambda: part._relay is not None and part._relay._free.empty())
        assert rest.is_alive()
        assert Path(part.path).stat().st_size == len(HEAD + SMALL)
        held.go.set()
        rest.join(SECONDS)
        assert part.digest() == hashlib.sha256(content).hexdigest()
    assert Path(part.path).read_bytes() == HEAD + content


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_write_that_fails_in_its_thread_fails_the_next_and_the_end(
    part: PartFile, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    part.write(SMALL)
    with writes_held(monkeypatch, lambda: fail(code)) as held:
        part.write(b"." * 16)
        held.go.set()
        with pytest.raises(OSError, match=os.strerror(code)):
            part.write(b"." * 16 * (relay.BLOCKS + 1))  # one block at least is given back only after the failure
        for _ in range(2):
            with pytest.raises(OSError, match=os.strerror(code)):
                part.digest()


def test_a_write_that_fails_last_is_told_by_the_digest(part: PartFile, monkeypatch: pytest.MonkeyPatch) -> None:
    part.write(SMALL)
    with writes_held(monkeypatch, lambda: fail(errno.EIO)) as held:
        part.write(b"the last")
        held.go.set()
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            part.digest()


def test_what_is_closed_early_is_not_written_to_its_end(part: PartFile, monkeypatch: pytest.MonkeyPatch) -> None:
    part.write(SMALL)
    with writes_held(monkeypatch) as held:
        part.write(b"." * 16)
        assert held.begun.wait(SECONDS)
        part.write(b"." * 16)
        assert part._relay is not None
        join = part._relay._join

        def go_and_join() -> None:
            held.go.set()
            join()

        monkeypatch.setattr(part._relay, "_join", go_and_join)
        part.close()
        part.close()
    assert threads() == []
    assert Path(part.path).stat().st_size == len(HEAD + SMALL) + 16


def test_blocks_are_let_go_with_the_file(part: PartFile) -> None:
    part.write(b"." * 100)
    one = part._relay
    assert one is not None
    part.close()
    assert one._free.empty()


@pytest.mark.parametrize("started", [0, 1])
def test_where_threads_cannot_be_started_it_is_done_all_the_same(
    part: PartFile, monkeypatch: pytest.MonkeyPatch, started: int
) -> None:
    left, real = [None] * started, threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    write_in_turn(part, [b"12345" * 10, b"67890" * 10])
    assert threads() == []
    assert part.digest() == hashlib.sha256(b"12345" * 10 + b"67890" * 10).hexdigest()
    assert Path(part.path).read_bytes() == HEAD + b"12345" * 10 + b"67890" * 10


def test_only_so_many_have_blocks_at_one_time(tmp_path: Path) -> None:
    many = [PartFile(empty(tmp_path / f"{number}.part"), HEAD) for number in range(relay.MOST_AT_ONCE + 2)]
    try:
        for one in many:
            one.write(b"." * 64)
        assert len(threads()) == 2 * relay.MOST_AT_ONCE
        for one in many:
            one.write(b".." * 64)
            assert one.digest() == hashlib.sha256(b"." * 192).hexdigest()
    finally:
        for one in many:
            one.close()
