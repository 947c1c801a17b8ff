"""Folders that several associations give names in: a sync that failed for one has failed for all that relied on it.

Linux reports a failed sync once, to those who had the folder open. Whoever opens and syncs it afterwards hears of
success, though names that were given before are lost.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.landing.durable import write_whole
from processors.landing.filling import Filling
from processors.landing.layout import Layout
from processors.landing.recover import recover
from processors.ledger.schema import connect
from tests.faults.receive.disk import Step, Survives, TracedDisk, after_power_cut
from tests.unit.receive.landing_desk import Desk, data_set


class Overtaken:
    """A disk on which somebody else's sync of a folder fails, just before the first one that one association asks for.

    What the other one does is called in between, and hears of it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path, folder: Path, other: Callable[[], object]) -> None:
        self.disk = TracedDisk(monkeypatch, root)
        self._node = self.disk._nodes[folder.stat().st_ino]
        self._other, self.syncs = other, 0
        self.disk.fail = self._fail
        monkeypatch.setattr(Path, "write_bytes", _written)  # parts, so that the disk sees them

    def _fail(self, _number: int, step: Step) -> OSError | None:
        if step.kind != "sync" or step.node != self._node:
            return None
        self.syncs += 1
        if self.syncs == 2:
            return OSError(errno.EIO, "Input/output error")
        if self.syncs == 1:
            with pytest.raises(OSError, match="Input/output error"):
                self._other()
        return None

    def kept(self, folder: Path) -> set[str]:
        """What recovery finds of all instances when the power goes now, and nothing unsynced survives."""
        layout = Layout(folder / "landing")
        after_power_cut(self.disk.steps, self.disk.root_node, Survives(), layout.root)
        ledger = connect(folder / "ledger.db")
        try:
            layout.prepare()
            recover(layout, ledger)
            return {row[0] for row in ledger.execute("SELECT sop_instance_uid FROM instances")}
        finally:
            ledger.close()


def _written(path: Path, content: bytes) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        return os.write(descriptor, content)
    finally:
        os.close(descriptor)


def is_stored(store: Callable[[], object]) -> bool:
    """Whether the instance was acknowledged."""
    try:
        store()
    except OSError:
        return False
    return True


def test_a_delivery_whose_name_went_with_anothers_failed_sync_is_named_again_before_its_slots_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fillings: list[Filling] = []
    monkeypatch.setattr(desk, "seal", lambda filling, *_: fillings.append(filling))
    overtaken = Overtaken(
        monkeypatch, desk.layout.root, desk.layout.deliveries, lambda: fillings[1].seal("release", desk.now)
    )
    for uid in ("1.2.91", "1.2.92"):
        association = desk.associate()
        desk.store(association, uid, content=data_set(uid))
        association.end("released")
    with pytest.raises(OSError, match="Input/output error"):
        fillings[0].seal("release", desk.now)
    assert overtaken.kept(tmp_path / "at once") == {"1.2.91", "1.2.92"}
    for filling in fillings:
        filling.seal("release", desk.now)
        filling.let_go()
    overtaken.disk.steps.append(Step("sync", overtaken.disk._nodes[desk.layout.slots.stat().st_ino]))
    assert overtaken.kept(tmp_path / "later") == {"1.2.91", "1.2.92"}


def test_a_duplicate_whose_journal_went_with_anothers_failed_sync_is_not_relied_upon(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = desk.associate()
    desk.store(first, "1.2.91", content=b"the same")
    first.end("released")
    mine, other = desk.associate(), desk.associate()
    Overtaken(
        monkeypatch, desk.layout.root, desk.layout.incoming, lambda: desk.store(other, "1.2.91", content=b"the same")
    )
    assert not is_stored(lambda: desk.store(mine, "1.2.91", content=b"the same"))
    assert is_stored(lambda: desk.store(mine, "1.2.91", content=b"the same"))
    assert mine.again.total() == 1


def test_a_file_whose_name_went_with_anothers_failed_sync_is_written_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk.layout.performed_steps
    overtaken = Overtaken(monkeypatch, desk.layout.root, folder, lambda: write_whole(folder / "other.json", b"theirs"))
    with pytest.raises(OSError, match="Input/output error"):
        write_whole(folder / "mine.json", b"mine")
    write_whole(folder / "mine.json", b"mine")
    assert overtaken.syncs == 3
