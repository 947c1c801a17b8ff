"""A delivery that is being filled, and the rules by which it is sealed.

The journal is the truth until `delivery.json` stands. An instance becomes durable as `durable` says: its file marked,
linked into the folder, and synced where its name is durable already, in its slot. Then its line is appended. Folder,
names and lines become durable when the delivery is sealed; if the power goes before, they are made anew from the slots
(`restore`, `adopt`). A file without its journal line was acknowledged at most if its mark says so.
"""

import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from processors.landing.delivery import DELIVERY_FILE, Delivery, ReceivedInstance, SealReason
from processors.landing.durable import failed_syncs, forget_failed_syncs, sync_folder
from processors.landing.journal import DeliveryLine, Journal, KeptInstance, OpenedDelivery
from processors.landing.mark import Mark, file_name, wipe_mark, write_mark
from processors.landing.together import WrittenTogether

MAXIMUM_INSTANCES: Final = 512
MAXIMUM_BYTES: Final = 256 * 1024 * 1024
JOURNAL_FILE: Final = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class SealedDelivery:
    """A delivery as sealed, with the time at which each of its instances came (Unix seconds)."""

    delivery: Delivery
    opened_at: float
    sealed_at: float
    received_at: tuple[float, ...]
    peer: str = ""
    """Address of the sender."""


@dataclass(slots=True)
class Filling:
    """An open delivery. Its owner calls it from one thread at a time."""

    folder: Path
    opened: OpenedDelivery
    kept: list[KeptInstance] = field(default_factory=list)
    total_bytes: int = 0
    last_number: int = 0
    _uids: set[str] = field(default_factory=set)
    _journal: Journal | None = None
    _failed_before: int = 0
    """How often the folder of deliveries could not be synced before this one was in it."""
    _slots: dict[str, str] = field(default_factory=dict)
    """The slot of each file that has one, by the file's path."""
    _left: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, deliveries: Path, opened: OpenedDelivery) -> "Filling":
        """Make the folder of a new delivery with the journal's first line in it; nothing of it is durable yet.

        Raises:
            OSError: the disk does not take it.
        """
        folder = deliveries / opened.id
        failed_before = failed_syncs(deliveries)
        os.mkdir(folder, 0o700)  # noqa: PTH102 - a path is parsed for each use otherwise
        journal = Journal(folder / JOURNAL_FILE)
        try:
            journal.append(DeliveryLine(opened=opened))
        except OSError:
            journal.rest()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder, opened, _journal=journal, _failed_before=failed_before)

    def next_file(self) -> str:
        """A name that this delivery has not used."""
        self.last_number += 1
        return file_name(self.last_number)

    def keep(self, slot: Path | str, instance: ReceivedInstance, received_at: float, descriptor: int = -1) -> None:
        """Take the file in `slot`; when this returns the instance is durable there, and named in the folder.

        Args:
            slot: The file; its name is durable, and its head says who sent it.
            instance: What it is; its file is the last that `next_file` has named.
            received_at: Unix seconds.
            descriptor: Of the file, open for writing; -1 if it is not open.

        Raises:
            OSError: it is not durable, and neither file nor journal line tells of it.
        """
        if descriptor < 0:
            descriptor = os.open(slot, os.O_WRONLY | os.O_CLOEXEC)
            try:
                self._keep(os.fspath(slot), instance, received_at, descriptor)
            finally:
                os.close(descriptor)
        else:
            self._keep(os.fspath(slot), instance, received_at, descriptor)

    def _keep(self, slot: str, instance: ReceivedInstance, received_at: float, descriptor: int) -> None:
        if self._journal is None:
            raise AssertionError
        line = KeptInstance(received_at=received_at, instance=instance)
        mark = Mark(self.opened.id, instance.digest, instance.size, received_at, instance.revision, self.last_number)
        target = f"{self.folder}/{instance.file}"
        try:
            write_mark(descriptor, mark)
            os.link(slot, target)
            os.fdatasync(descriptor)
            self._journal.append(DeliveryLine(kept=line))
        except BaseException:
            self._drop(slot, target, descriptor)
            raise
        self._slots[target] = slot
        self.kept.append(line)
        self._uids.add(instance.sop_instance_uid)
        self.total_bytes += instance.size

    def _drop(self, slot: str, target: str, descriptor: int) -> None:
        """Have an object that was not acknowledged tell of nothing, durably if the disk lets, and remove its names.

        A power cut could bring back names that are gone, and with them an object that its sender has sent again since:
        so it is the mark that has to go. Where that fails the names must.
        """
        try:
            wipe_mark(descriptor)
        except OSError:
            is_wiped = False
        else:
            is_wiped = True
        for name in (target, slot):
            try:
                os.unlink(name)  # noqa: PTH108 - as above
            except FileNotFoundError:
                continue
            except OSError:
                self._left.append(name)
        if not is_wiped:
            for name in (target, slot):
                with contextlib.suppress(OSError):
                    sync_folder(os.path.dirname(name))  # noqa: PTH120 - as above

    def _drop_left(self) -> None:
        """Have what was refused tell of nothing, whose names the disk would not let go then."""
        for name in self._left:
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    wipe_mark(descriptor)
                finally:
                    os.close(descriptor)
                os.unlink(name)  # noqa: PTH108 - as above
        self._left.clear()

    def rest(self) -> None:
        """Let go of all files until the next instance comes."""
        if self._journal is not None:
            self._journal.rest()

    def seal_before(self, sop_instance_uid: str, size: int) -> SealReason | None:
        """Why this delivery must be sealed before an instance of `size` bytes can be kept; None if it need not."""
        if sop_instance_uid in self._uids:
            return "conflict"
        if self.kept and self.total_bytes + size > MAXIMUM_BYTES:
            return "size"
        return None

    def seal_after(self) -> SealReason | None:
        """Why this delivery is full; None if it is not."""
        if len(self.kept) >= MAXIMUM_INSTANCES:
            return "count"
        return "size" if self.total_bytes >= MAXIMUM_BYTES else None

    def seal(self, reason: SealReason, now: float, files: WrittenTogether | None = None) -> SealedDelivery:
        """Have `delivery.json` written; from then on the folder never changes. Repeating it is harmless.

        Args:
            reason: Why no more is taken.
            now: Unix seconds.
            files: With whose block all of it becomes durable; None if it is to be when this returns.

        Raises:
            OSError: the disk does not take it.
        """
        if files is None:
            with WrittenTogether() as own:
                return self.seal(reason, now, own)
        self._name_again()
        self.rest()
        self._drop_left()
        opened = self.opened
        times = tuple(line.received_at for line in self.kept)
        delivery = Delivery(
            id=opened.id,
            association_id=opened.association_id,
            called_ae=opened.called_ae,
            calling_ae=opened.calling_ae,
            study_instance_uid=opened.study_instance_uid,
            series_instance_uid=opened.series_instance_uid,
            opened_at=timestamp(opened.opened_at),
            sealed_at=timestamp(now),
            seal_reason=reason,
            total_bytes=self.total_bytes,
            instances=tuple(line.instance for line in self.kept),
            sender=opened.sender,
            project_hint=opened.project_hint,
            hold=opened.hold,
            peer=opened.peer,
            received_at=times,
        )
        files.write(self.folder / DELIVERY_FILE, delivery.to_json())
        files.named(self.folder, self._failed_before)
        return SealedDelivery(delivery, opened.opened_at, now, times, opened.peer)

    def _name_again(self) -> None:
        """Give all names anew, if a sync of theirs has failed: a later one would not bring them back.

        At every moment of it the slots have the files.
        """
        if failed_syncs(self.folder):
            self.link_again()
            forget_failed_syncs(self.folder)
        if failed_syncs(self.folder.parent) != self._failed_before:
            self._failed_before = failed_syncs(self.folder.parent)
            aside = self.folder.with_name(f".{self.folder.name}.again")
            self.folder.rename(aside)
            aside.rename(self.folder)

    def link_again(self) -> None:
        """Give each file its name in the folder anew; one whose slot is gone too stays away.

        Raises:
            OSError: the disk does not take it.
        """
        for target, slot in self._slots.items():
            with contextlib.suppress(FileNotFoundError):
                Path(slot).stat()
                Path(target).unlink(missing_ok=True)
                os.link(slot, target)

    def let_go(self) -> None:
        """Once the sealed delivery is durable: its files need their slots no more. Repeating it is harmless."""
        for slot in self._slots.values():
            with contextlib.suppress(OSError):  # one that the disk does not let go is removed by the next start
                os.unlink(slot)  # noqa: PTH108 - as above
        self._slots.clear()

    def remove(self) -> None:
        """Remove a delivery that nothing was kept in.

        Raises:
            OSError: the disk does not let go of what was refused.
        """
        self.rest()
        self._drop_left()
        shutil.rmtree(self.folder, ignore_errors=True)


def new_id() -> str:
    """A random id for an association, a delivery or a piece of evidence."""
    return secrets.token_hex(16)


def timestamp(seconds: float) -> str:
    """Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
