"""Files read and written: whole, whatever they are, and with nothing copied that need not be."""

import os
from pathlib import Path

import pytest

from processors.deid import files


def test_a_file_is_read_whole_and_a_large_one_mapped(tmp_path, monkeypatch):
    file = tmp_path / "slice"
    file.write_bytes(os.urandom(70_000))
    assert files.content(file) == file.read_bytes()
    monkeypatch.setattr(files, "MAPPED_FROM", 70_000)
    mapped = files.content(file)
    assert isinstance(mapped, memoryview)
    assert mapped == file.read_bytes()


def test_what_comes_in_parts_is_read_whole(tmp_path, monkeypatch):
    file = tmp_path / "slice"
    file.write_bytes(b"0123456789")
    read = os.read
    monkeypatch.setattr(os, "read", lambda opened, size: read(opened, min(size, 3)))
    assert files.content(file) == b"0123456789"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda file: None], ids=["folder", "pipe", "nothing"])
def test_what_is_no_plain_file_is_an_error_and_nothing_to_wait_for(tmp_path, make):
    make(tmp_path / "here")
    with pytest.raises(OSError):
        files.content(tmp_path / "here")


@pytest.mark.parametrize("most", [1, 7, 4096])
def test_pieces_are_written_in_order_however_few_the_system_takes_at_once(tmp_path, monkeypatch, most):
    pieces = [bytes([number % 251]) * (number % 13) for number in range(600)]
    taken = []

    def writev(opened, views):
        taken.append(len(views))
        return os.write(opened, b"".join(views)[:most])

    monkeypatch.setattr(os, "writev", writev)
    with (tmp_path / "out").open("wb") as out:
        files.write(out.fileno(), (memoryview(piece) for piece in pieces))
    assert (tmp_path / "out").read_bytes() == b"".join(pieces)
    assert max(taken) <= 512
