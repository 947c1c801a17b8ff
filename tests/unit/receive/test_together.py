"""Files that are written together: each is whole or absent after a power cut, and none is durable before the end."""

import errno
import os
from pathlib import Path

import pytest

from processors.landing.together import MOST_OPEN, WrittenTogether


class Steps:
    """What the disk was asked for, by the name of the file or folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self._fsync, self._rename = os.fsync, os.rename
        monkeypatch.setattr(os, "fsync", self._synced)
        monkeypatch.setattr(os, "rename", self._renamed)

    def _synced(self, descriptor: int) -> None:
        self.done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        self._fsync(descriptor)

    def _renamed(self, old: str, new: str) -> None:
        self.done.append(f"name {Path(new).name}")
        self._rename(old, new)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_all_are_synced_before_any_has_its_name_and_each_folder_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    steps = Steps(monkeypatch)
    with WrittenTogether() as files:
        files.write(tmp_path / "one" / "a", b"a")
        files.write(tmp_path / "one" / "b", b"")
        files.write(tmp_path / "two" / "c", b"c" * 100_000)
        assert steps.done == []
    assert steps.done == [
        *("sync .a.new", "sync .b.new", "sync .c.new"),
        *("name a", "name b", "name c"),
        *("sync one", "sync two"),
    ]
    assert [(tmp_path / name).read_bytes() for name in ("one/a", "one/b", "two/c")] == [b"a", b"", b"c" * 100_000]


def test_many_files_hold_few_descriptors(tmp_path: Path) -> None:
    before = open_descriptors()
    with WrittenTogether() as files:
        for number in range(3 * MOST_OPEN + 1):
            files.write(tmp_path / str(number), b"content")
            assert open_descriptors() <= before + MOST_OPEN
    assert open_descriptors() == before
    assert len(names(tmp_path)) == 3 * MOST_OPEN + 1


def test_a_block_that_fails_names_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    before = open_descriptors()

    def fail() -> None:
        with WrittenTogether() as files:
            files.write(tmp_path / "a", b"half of what was")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(tmp_path) == {".a.new"}
    assert open_descriptors() == before
    with WrittenTogether() as files:
        files.write(tmp_path / "a", b"all")
    assert names(tmp_path) == {"a"}
    assert (tmp_path / "a").read_bytes() == b"all"


def test_a_sync_that_fails_names_nothing_and_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, "no")

    before = open_descriptors()

    def write() -> None:
        with WrittenTogether() as files:
            for name in "abc":
                files.write(tmp_path / name, b"content")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="no"):
        write()
    assert names(tmp_path) == {".a.new", ".b.new", ".c.new"}
    assert open_descriptors() == before
