"""The peers file is read again by its content; a broken one changes nothing and is told once."""

import os
from pathlib import Path

import pytest

from processors.dicom.peers_watch import PeersWatch
from processors.errors import PeersFileError
from processors.peers import Peers

ONE = "peers: {ct1: {sends: {ae_titles: CT1}}}"
TWO = "peers: {ct2: {sends: {ae_titles: CT2}}}"


class Watched:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "peers.yaml"
        self.file.write_text(ONE)
        self.broken: list[str] = []
        self.changed: list[Peers] = []
        self.watch = PeersWatch(self.file, self.broken.append, self.changed.append)

    def names(self) -> list[str]:
        return list(self.watch.current().senders)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_new_file_holds_at_once_even_if_size_and_time_are_the_old_ones(watched: Watched) -> None:
    before = watched.file.stat()
    watched.file.write_text(TWO)
    os.utime(watched.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watched.names() == ["ct2"]
    assert [list(peers.senders) for peers in watched.changed] == [["ct2"]]


def test_the_same_content_is_no_change(watched: Watched) -> None:
    watched.file.write_text(ONE)
    assert watched.names() == ["ct1"]
    assert watched.changed == []


@pytest.mark.parametrize("text", ["peers: [", "peers: {ct2: {sends: {}}}", "", "peers: {}"])
def test_a_file_that_cannot_be_used_keeps_the_old_one_and_says_so_once(watched: Watched, text: str) -> None:
    watched.file.write_text(text)
    assert [watched.names(), watched.names()] == [["ct1"], ["ct1"]]
    assert len(watched.broken) == 1
    assert str(watched.file) in watched.broken[0]
    assert not watched.watch.is_sound


def test_a_file_that_is_gone_keeps_the_old_one(watched: Watched) -> None:
    watched.file.unlink()
    assert watched.names() == ["ct1"]
    assert len(watched.broken) == 1


def test_a_mended_file_holds_again(watched: Watched) -> None:
    watched.file.write_text("peers: [")
    watched.watch.look()
    watched.file.write_text(TWO)
    assert watched.names() == ["ct2"]
    assert watched.watch.is_sound


def test_a_file_that_changes_while_it_is_read_for_the_first_time_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, file = Peers.read, tmp_path / "peers.yaml"
    file.write_text(ONE)

    def read(path: Path) -> Peers:
        found = real(path)
        path.write_text(TWO)
        return found

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Peers, "read", read)
        watch = PeersWatch(file, print, print)
    assert list(watch.current().senders) == ["ct2"]


def test_a_receiver_does_not_begin_with_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(PeersFileError, match="No such file"):
        PeersWatch(tmp_path / "peers.yaml", print, print)
