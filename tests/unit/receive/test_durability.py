"""Success means durable: what a power cut would leave, by the order of writes, renames and syncs."""

import errno
import io
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from processors.dicom import status
from processors.dicom.engine import StoreCommand
from processors.dicom.event_log import EventLog
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.storage_scp import StorageAssociation
from processors.landing.delivery import read_delivery
from processors.landing.layout import Layout
from processors.landing.recover import recover
from processors.ledger.schema import connect
from tests.faults.receive.disk import Step, Survives, TracedDisk, after_power_cut
from tests.unit.receive.landing_desk import Desk


class Disk:
    """Notes what the kernel was asked: a content or a name counts as durable only once it was synced afterwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._unsynced: dict[int, set[str]] = {}
        self._wrap(monkeypatch, "open", self._opened, before=lambda path, *_: os.path.exists(path))  # noqa: PTH110
        self._wrap(monkeypatch, "write", self._wrote)
        self._wrap(monkeypatch, "writev", self._wrote)
        self._wrap(monkeypatch, "fsync", self._synced)
        self._wrap(monkeypatch, "fdatasync", self._synced)
        self._wrap(monkeypatch, "rename", lambda _found, old, new: self._renamed(str(old), str(new)))
        self._wrap(monkeypatch, "ftruncate", self._wrote)
        self._wrap(monkeypatch, "mkdir", lambda _found, path, *_: self._named(path))

    def lost(self) -> set[str]:
        """What a power cut may take: contents of files, and names in folders, that are there now."""
        return {path for paths in self._unsynced.values() for path in paths if os.path.exists(path)}  # noqa: PTH110

    def _wrap(
        self,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        note: Callable[..., None],
        before: Callable[..., object] = lambda *_: None,
    ) -> None:
        """Have `note` told, after each call, what `before` had found, and the arguments."""
        real = getattr(os, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            found = before(*args)
            done = real(*args, **kwargs)
            note(found, *args)
            return done

        monkeypatch.setattr(os, name, wrapped)

    def _opened(self, was_there: object, path: object, flags: int, *_: object) -> None:
        if flags & os.O_CREAT and not was_there:
            self._named(path)

    def _named(self, path: object) -> None:
        path = Path(str(path))
        self._unsynced.setdefault(path.parent.stat().st_ino, set()).add(str(path))

    def _renamed(self, old: str, new: str) -> None:
        """What of its content is unsynced stays so under the new name."""
        content = self._unsynced.get(Path(new).stat().st_ino, set())
        if old in content:
            content.remove(old)
            content.add(new)
        self._named(new)

    def _wrote(self, _found: object, descriptor: int, *_: object) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        self._unsynced.setdefault(os.fstat(descriptor).st_ino, set()).add(path)

    def _synced(self, _found: object, descriptor: int) -> None:
        self._unsynced.pop(os.fstat(descriptor).st_ino, None)


def element(group: int, number: int, uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return (
        b"".join(each.to_bytes(2, "little") for each in (group, number))
        + b"UI"
        + len(value).to_bytes(2, "little")
        + value
    )


def taking(desk: Desk) -> StorageAssociation:
    metrics = ReceiverMetrics(Path("no-ledger"), lambda: 0, lambda: 0.0)
    return StorageAssociation(desk.associate(), lambda _: True, EventLog(io.StringIO()), metrics)


def send(association: StorageAssociation, uid: str) -> int:
    reception = association.begin(StoreCommand(str(CTImageStorage), uid, str(ExplicitVRLittleEndian)))
    reception.write(element(8, 0x16, CTImageStorage) + element(8, 0x18, uid))
    return reception.finish()


def test_after_success_a_power_cut_takes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    association = taking(desk)
    for uid in ("1.2.1", "1.2.2", "1.2.1"):  # the last one is a duplicate, of which only the journal tells
        assert send(association, uid) == status.SUCCESS
        assert disk.lost() == set()


def test_a_duplicate_that_comes_first_on_its_association_is_told_of_durably(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = taking(desk)
    assert send(earlier, "1.2.1") == status.SUCCESS
    disk = Disk(monkeypatch)
    again = taking(desk)
    assert send(again, "1.2.1") == status.SUCCESS
    assert disk.lost() == set()


@pytest.mark.parametrize(
    ("what", "lost"),
    [
        ("filling.os.fdatasync", "deliveries/*/000001.dcm"),
        ("filling.os.fdatasync", "deliveries/*/journal.jsonl"),
        ("filling.Filling._sync_folders", "deliveries/*/000001.dcm"),
        ("filling.sync_folder", "deliveries/*"),
    ],
)
def test_this_test_sees_what_is_not_synced(desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str, lost: str) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(f"processors.landing.{what}", lambda *_: None)
    association = taking(desk)
    assert send(association, "1.2.1") == status.SUCCESS
    assert any(Path(path).match(lost) for path in disk.lost())


@pytest.mark.parametrize("failing", range(3), ids=["sync of the object", "sync of the folder", "sync of the journal"])
def test_what_was_refused_is_gone_before_it_is_said_though_the_disk_had_written_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Else a power cut after its retry would leave it twice, or a journal that tells of a file that is not there."""
    disk = TracedDisk(monkeypatch, desk.layout.root)
    monkeypatch.setattr(desk, "seal", lambda *_: None)  # the ledger's writer has not come to it yet
    association = taking(desk)
    assert send(association, "1.2.1") == status.SUCCESS
    syncs = iter(range(100))
    error = OSError(errno.EIO, "broken")
    disk.fail = lambda _, step: error if step.kind == "sync" and next(syncs) == failing else None
    assert send(association, "1.2.2") == 0xC001
    told = len(disk.steps)
    assert send(association, "1.2.2") == status.SUCCESS
    for steps, kept in ((disk.steps[:told], ["1.2.1"]), (disk.steps, ["1.2.1", "1.2.2"])):
        assert recovered_uids(steps, disk, tmp_path / f"cut{len(kept)}") == kept


def recovered_uids(steps: list[Step], disk: TracedDisk, folder: Path) -> list[str]:
    """What recovery finds after a power cut; syncs that failed had written what they were for."""
    layout = Layout(folder / "landing")
    after_power_cut(steps, disk.root_node, Survives(failed=True), layout.root)
    layout.prepare()
    with closing(connect(folder / "ledger.db")) as ledger:
        assert recover(layout, ledger).missing_files == 0
    found = [read_delivery(delivery).instances for delivery in layout.delivery_folders()]
    return sorted(one.sop_instance_uid for instances in found for one in instances)
