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
from processors.landing.errors import LandingUnusableError
from processors.landing.filling import Filling
from processors.landing.layout import Layout
from processors.landing.recover import recover
from processors.landing.slots import MADE_AT_ONCE
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
        self._wrap(monkeypatch, "pwrite", self._wrote)
        self._wrap(monkeypatch, "fsync", self._synced)
        self._wrap(monkeypatch, "fdatasync", self._synced)
        self._wrap(monkeypatch, "link", lambda _found, _old, new: self._named(new))
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


def test_after_success_a_power_cut_takes_at_most_what_files_in_slots_tell_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    association = taking(desk)
    for uid in (
        "1.2.1",
        "1.2.2",
        "1.2.3",
        "1.2.1",
    ):  # the last one is a duplicate, of which only the association's journal tells
        assert send(association, uid) == status.SUCCESS
        assert not [path for path in disk.lost() if "/deliveries/" not in path]


def test_an_object_waits_for_one_sync_and_sixteen_for_one_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = TracedDisk(monkeypatch, desk.layout.root)
    association, before = taking(desk), len(disk.steps)
    for number in range(2 * MADE_AT_ONCE):
        assert send(association, f"1.2.{number + 1}") == status.SUCCESS
    assert sum(step.kind == "sync" for step in disk.steps[before:]) == 2 * MADE_AT_ONCE + 2


def test_when_a_delivery_is_sealed_all_of_it_is_durable_before_its_slots_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    lost: list[set[str]] = []
    let_go = Filling.let_go

    def noted(self: Filling) -> None:
        lost.append({path for path in disk.lost() if "/deliveries/" in path and not path.endswith("journal.jsonl")})
        let_go(self)

    monkeypatch.setattr(Filling, "let_go", noted)
    association = taking(desk)
    for uid in ("1.2.1", "1.2.2"):
        assert send(association, uid) == status.SUCCESS
    association.ended("released")
    assert lost == [set()]
    assert {file.stat().st_nlink for file in desk.layout.deliveries.glob("*/*.dcm")} == {1}


@pytest.mark.parametrize("sync", range(3), ids=["delivery.json", "its folder", "folder of deliveries"])
@pytest.mark.parametrize("reached", [True, False], ids=["the disk had written it", "the disk had not"])
def test_whatever_sync_of_a_seal_fails_the_next_attempt_makes_all_of_it_durable(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: int, *, reached: bool
) -> None:
    """What a sync failed for is lost, and a later one that succeeds does not bring it back."""
    disk = TracedDisk(monkeypatch, desk.layout.root)
    fillings: list[Filling] = []
    monkeypatch.setattr(desk, "seal", lambda filling, *_: fillings.append(filling))
    association = taking(desk)
    for uid in ("1.2.1", "1.2.2"):
        assert send(association, uid) == status.SUCCESS
    association.ended("released")
    [filling] = fillings
    fails = syncs(sync)
    disk.fail = lambda _, step: OSError(errno.EIO, "broken") if fails(step) else None
    with pytest.raises(OSError, match="broken"):
        filling.seal("release", desk.now)
    between = len(disk.steps)
    filling.seal("release", desk.now)
    filling.let_go()
    disk.steps.append(Step("sync", disk._nodes[desk.layout.slots.stat().st_ino]))  # as the next slots are made
    for end in range(between, len(disk.steps) + 1):
        survives = Survives(failed=reached)
        assert recovered_uids(disk.steps[:end], disk, tmp_path / f"cut{end}", survives) == ["1.2.1", "1.2.2"]


def test_what_a_power_cut_takes_of_a_delivery_is_made_anew_from_its_files(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = TracedDisk(monkeypatch, desk.layout.root)
    association = taking(desk)
    for uid in ("1.2.1", "1.2.2", "1.2.3"):
        desk.now += 1.5
        assert send(association, uid) == status.SUCCESS
    layout = Layout(tmp_path / "cut")
    after_power_cut(disk.steps, disk.root_node, Survives(), layout.root)
    association.ended("released")
    layout.prepare()
    assert not list(layout.deliveries.iterdir())
    with closing(connect(tmp_path / "cut.db")) as ledger:
        assert recover(layout, ledger).adopted_files == 3
    [meant], [left] = ([read_delivery(folder) for folder in each.delivery_folders()] for each in (desk.layout, layout))
    how = {"sealed_at": meant.sealed_at, "seal_reason": meant.seal_reason}
    assert left.model_copy(update=how) == meant
    assert not layout.slot_files()


def test_a_file_that_is_adopted_after_a_kill_survives_a_power_cut_that_comes_next(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its sync, it is whole in memory only; sent again it is a duplicate, and that is Success."""
    disk = TracedDisk(monkeypatch, desk.layout.root)
    association = taking(desk)
    assert send(association, "1.2.1") == status.SUCCESS
    [told] = desk.layout.deliveries.glob("*/journal.jsonl")
    size, before = told.stat().st_size, len(disk.steps)
    assert send(association, "1.2.2") == status.SUCCESS
    disk.steps[before:] = [step for step in disk.steps[before:] if step.kind != "sync" and not lines(step)]
    os.truncate(told, size)
    assert recover(desk.layout, desk.ledger).adopted_files == 1
    after_power_cut(disk.steps, disk.root_node, Survives(), tmp_path / "cut")
    [file] = desk.layout.deliveries.glob("*/000002.dcm")
    [left] = (tmp_path / "cut").glob("deliveries/*/000002.dcm")
    assert left.read_bytes() == file.read_bytes()


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
    ("what", "lost"), [("filling.os.fdatasync", "slots/*.part"), ("slots.sync_folder", "slots/*.part")]
)
def test_this_test_sees_what_is_not_synced(desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str, lost: str) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(f"processors.landing.{what}", lambda *_: None)
    association = taking(desk)
    assert send(association, "1.2.1") == status.SUCCESS
    assert any(Path(path).match(lost) for path in disk.lost())


@pytest.mark.parametrize(
    ("what", "lost"),
    [
        ("together.os.fsync", "deliveries/*/delivery.json"),
        ("together.sync_folder", "deliveries/*/000001.dcm"),
        ("together.WrittenTogether.named", "deliveries/*"),
    ],
)
def test_this_test_sees_what_of_a_seal_is_not_synced(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str, lost: str
) -> None:
    disk = Disk(monkeypatch)
    association = taking(desk)
    assert send(association, "1.2.1") == status.SUCCESS
    monkeypatch.setattr(f"processors.landing.{what}", lambda *_: None)
    association.ended("released")
    assert any(Path(path).match(lost) for path in disk.lost())


def syncs(number: int) -> Callable[[Step], bool]:
    """Of the syncs from now on, the one with this number."""
    numbers = iter(range(100))
    return lambda step: step.kind == "sync" and next(numbers) == number


def lines(step: Step) -> bool:
    return step.content.startswith(b'{"kept":')


FAILS: dict[str, Callable[[], list[Callable[[Step], bool]]]] = {
    "sync of the object": lambda: [syncs(0)],
    "sync of the object, and of its mark that goes": lambda: [syncs(0), syncs(0)],
    "line of the journal": lambda: [lines],
    "line of the journal, and its file's name does not go": lambda: [lines, lambda step: step.kind == "names"],
    "line of the journal, and the sync of its mark that goes": lambda: [lines, syncs(0)],
    "line of the journal, the sync of its mark, and its name in the folder": lambda: [
        lines,
        syncs(0),
        lambda step: step.kind == "names",
    ],
}
"""What fails, one after the other."""


@pytest.mark.parametrize("fails", FAILS.values(), ids=FAILS)
@pytest.mark.parametrize("reached", [True, False], ids=["the disk had written it", "the disk had not"])
def test_what_was_refused_is_gone_before_it_is_said_whatever_fails(
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[[], list[Callable[[Step], bool]]],
    *,
    reached: bool,
) -> None:
    """Else a power cut after its retry would leave it twice, or a journal that tells of a file that is not there."""
    disk = TracedDisk(monkeypatch, desk.layout.root)
    monkeypatch.setattr(desk, "seal", lambda *_: None)  # the ledger's writer has not come to it yet
    association = taking(desk)
    assert send(association, "1.2.1") == status.SUCCESS
    left = fails()

    def fail(_: int, step: Step) -> OSError | None:
        if not left or not left[0](step):
            return None
        del left[0]
        return OSError(errno.EIO, "broken")

    disk.fail = fail
    assert send(association, "1.2.2") == 0xC001
    assert not left
    told = len(disk.steps)
    assert send(association, "1.2.2") == status.SUCCESS
    for steps, kept in ((disk.steps[:told], ["1.2.1"]), (disk.steps, ["1.2.1", "1.2.2"])):
        survives = Survives(failed=reached, names=reached)
        assert recovered_uids(steps, disk, tmp_path / f"cut{len(kept)}", survives) == kept


@pytest.mark.parametrize("sync", [0, 1], ids=["slots", "object"])
def test_a_first_object_that_could_not_be_synced_leaves_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: int
) -> None:
    disk = TracedDisk(monkeypatch, desk.layout.root)
    monkeypatch.setattr(desk, "seal", lambda *_: None)
    association = taking(desk)
    fails = syncs(sync)
    disk.fail = lambda _, step: OSError(errno.EIO, "broken") if fails(step) else None
    assert send(association, "1.2.1") == 0xC001
    assert recovered_uids(disk.steps, disk, tmp_path / "cut", Survives(failed=True)) == []


def recovered_uids(steps: list[Step], disk: TracedDisk, folder: Path, survives: Survives) -> list[str]:
    """What recovery finds after a power cut."""
    layout = Layout(folder / "landing")
    after_power_cut(steps, disk.root_node, survives, layout.root)
    layout.prepare()
    with closing(connect(folder / "ledger.db")) as ledger:
        assert recover(layout, ledger).missing_files == 0
    found = [read_delivery(delivery).instances for delivery in layout.delivery_folders()]
    return sorted(one.sop_instance_uid for instances in found for one in instances)


def test_a_landing_without_hard_links_is_said_to_be_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(LandingUnusableError, match="hard links"):
        Layout(tmp_path).prepare()
    assert not list(tmp_path.rglob(".probe*"))
