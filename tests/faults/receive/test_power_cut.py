"""Invariant 1, wherever the power goes: what was answered with Success is kept, once and byte for byte.

A session is received once on a disk that remembers; then, for every step that the disk was asked, the folder is built
as a power cut at that moment could leave it, the receiver's recovery runs on it, and what was answered is asked for.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.dicom import part_file, relay
from processors.landing.layout import Layout
from processors.landing.recover import recover
from processors.ledger.schema import connect
from tests.faults.receive.desk import Desk, SentObject, an_object, assert_all_is_kept
from tests.faults.receive.disk import CUTS, TracedDisk, after_power_cut

pytestmark = pytest.mark.faults


class Session:
    """New objects of two series, duplicates, a variant and a refused object, over two associations at one time.

    A third brings one object and nothing else: it is the only one that needs no journal of its own.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = Desk(folder)
        connect(self.desk.ledger).close()
        self.empty_ledger = self.desk.ledger.read_bytes()
        self._ledgers = [(0, self.empty_ledger)]
        self._version = 0
        with monkeypatch.context() as patched:
            patched.setattr(part_file, "LARGE_BYTES", 2000)
            patched.setattr(relay, "BLOCK_BYTES", 1000)
            self.disk = self.desk.disk = TracedDisk(patched, self.desk.layout.root)
            self._reader = sqlite3.connect(f"file:{self.desk.ledger}?mode=ro", uri=True, check_same_thread=False)
            self.disk.watch = self._look
            with closing(self._reader), self.desk:
                self._send()
        self.steps = self.disk.steps

    def _send(self) -> None:
        one, other, third = self.desk.associate(), self.desk.associate(), self.desk.associate()
        for sender, uid, content in (
            (one, "1.3.1", an_object("1.3.1")),
            (one, "1.3.2", an_object("1.3.2")),
            (one, "1.3.1", an_object("1.3.1")),  # a duplicate
            (one, "1.3.1", an_object("1.3.1", pixels=b"others")),  # a variant
            (other, "1.3.2", an_object("1.3.2")),  # a duplicate, and the first of its association
            (other, "1.3.3", an_object("1.3.3", series="1.2.3")),
            (one, "1.3.4", an_object("1.3.4")[:-3]),  # refused
            (one, "1.3.5", an_object("1.3.5", series="1.2.3")),
            (third, "1.3.6", an_object("1.3.6")),
            (one, "1.3.7", an_object("1.3.7", pixels=b"large " * 1000)),  # written by a thread of its own
        ):
            sender.store(uid, content)
        for sender in (third, one):
            sender.release()
        other.hang_up()

    def _look(self) -> None:
        """Keep the ledger as it is before a step, if it has changed: SQLite syncs its commits itself."""
        version = self._reader.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version = version
            self._ledgers.append((len(self.disk.steps), self._reader.serialize()))

    def ledger_at(self, step: int) -> bytes:
        return [content for at, content in self._ledgers if at <= step][-1]

    def acknowledged_at(self, step: int) -> list[SentObject]:
        answers = sum(one.kind == "note" for one in self.steps[:step])
        return [one for one in self.desk.sent[:answers] if one.answer == 0]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return Session(tmp_path_factory.mktemp("session"), monkeypatch)


def test_the_session_is_the_one_that_is_meant(session: Session) -> None:
    assert [one.answer for one in session.desk.sent] == [0, 0, 0, 0, 0, 0, 0xC000, 0, 0, 0]
    assert [one.note for one in session.steps if one.kind == "note"] == [0, 0, 0, 0, 0, 0, 0xC000, 0, 0, 0]
    assert sum(one.kind == "write" and b"large " in one.content for one in session.steps) > 1
    with closing(connect(session.desk.ledger)) as ledger:
        recover(session.desk.layout, ledger)
    sent = session.desk.sent
    assert_all_is_kept(session.desk.layout, session.desk.ledger, [one for one in sent if one.answer == 0], sent)


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """In memory where that is possible: thousands of recoveries sync for nothing here."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("with_ledger", [True, False], ids=["ledger kept", "ledger lost"])
def test_what_was_answered_survives_a_power_cut_at_every_step(
    session: Session, quick_folder: Path, cut: str, *, with_ledger: bool
) -> None:
    for step in range(len(session.steps) + 1):
        layout, ledger = Layout(quick_folder / "landing"), quick_folder / "ledger.db"
        after_power_cut(session.steps[:step], session.disk.root_node, CUTS[cut](), layout.root)
        ledger.write_bytes(session.ledger_at(step) if with_ledger else session.empty_ledger)
        layout.prepare()
        with closing(connect(ledger)) as connection:
            recover(layout, connection)
            again = recover(layout, connection)
        assert (again.sealed, again.entered, again.ended, again.dropped_files, again.unreadable) == (0, 0, 0, 0, 0)
        assert_all_is_kept(layout, ledger, session.acknowledged_at(step), session.desk.sent, most_unheard=2)
        shutil.rmtree(layout.root)
        for file in quick_folder.glob("ledger.db*"):
            file.unlink()
