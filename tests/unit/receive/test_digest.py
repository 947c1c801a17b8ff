"""The digest of a data set: the same whoever computes it, and no thread outlives it."""

import hashlib
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.dicom import digest
from processors.dicom.digest import Digest


def hashing() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "digest"]


def of(pieces: list[bytes], large_bytes: int) -> str:
    """By way of one buffer that is used again for each piece, as a connection's is."""
    one, buffer = Digest(large_bytes), bytearray(max(map(len, pieces), default=0))
    for piece in pieces:
        buffer[: len(piece)] = piece
        one.update(memoryview(buffer)[: len(piece)])
    return one.hexdigest()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 200))
def test_it_is_the_same_however_the_bytes_come(pieces: list[bytes], large_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(digest, "_BLOCK_BYTES", 16)
        assert of(pieces, large_bytes) == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert hashing() == []


def test_only_what_is_large_has_a_thread_and_none_outlives_it() -> None:
    one = Digest(large_bytes=10)
    one.update(b"123456789")
    assert hashing() == []
    one.update(b"0")
    assert len(hashing()) == 1
    one.update(b"more")
    one.close()
    one.close()
    assert hashing() == []
    assert one.hexdigest() == hashlib.sha256(b"1234567890more").hexdigest()


def test_where_no_thread_can_be_started_it_is_computed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    assert of([b"12345", b"67890"], large_bytes=3) == hashlib.sha256(b"1234567890").hexdigest()
