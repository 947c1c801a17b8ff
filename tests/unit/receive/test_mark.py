"""What a file of the landing says of itself in its preamble."""

import hashlib
import os
import struct
import zlib
from pathlib import Path

import pytest

from processors.landing.mark import MARK_BYTES, Mark, wipe_mark, write_mark

MARK = Mark("0123456789abcdef" * 2, hashlib.sha256(b"content").hexdigest(), 7, 1_700_000_000.25, 3, 12)


def test_a_mark_is_read_as_it_was_written() -> None:
    assert Mark.from_bytes(MARK.to_bytes()) == MARK
    assert len(MARK.to_bytes()) == MARK_BYTES == 128


def test_the_fields_lie_where_they_are_said_to_lie() -> None:
    content = MARK.to_bytes()
    assert content[:8] == b"SLUICE\0\1"
    assert content[8:24].hex() == MARK.delivery_id
    assert content[24:56].hex() == MARK.digest
    assert int.from_bytes(content[56:64], "little") == 7
    assert struct.unpack("<d", content[64:72]) == (1_700_000_000.25,)
    assert int.from_bytes(content[72:76], "little") == 3
    assert int.from_bytes(content[76:80], "little") == 12
    assert content[80:124] == bytes(44)
    assert int.from_bytes(content[124:], "little") == zlib.crc32(content[:124])


@pytest.mark.parametrize("at", range(MARK_BYTES))
def test_a_mark_with_one_wrong_byte_is_none(at: int) -> None:
    content = bytearray(MARK.to_bytes())
    content[at] ^= 1
    assert Mark.from_bytes(bytes(content)) is None


@pytest.mark.parametrize("content", [b"", bytes(128), MARK.to_bytes()[:127]], ids=["nothing", "zeros", "cut"])
def test_what_is_no_mark_is_none(content: bytes) -> None:
    assert Mark.from_bytes(content) is None


def test_a_mark_is_written_over_the_preamble_and_nothing_else_and_wiped_so(tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_bytes(bytes(128) + b"DICM and more")
    descriptor = os.open(file, os.O_WRONLY)
    try:
        write_mark(descriptor, MARK)
        assert file.read_bytes() == MARK.to_bytes() + b"DICM and more"
        wipe_mark(descriptor)
    finally:
        os.close(descriptor)
    assert file.read_bytes() == bytes(128) + b"DICM and more"
