"""A delivery that is being filled, and the rules by which it is sealed.

The journal is the truth until `delivery.json` stands. An instance becomes durable as `durable` says: part file marked,
renamed into the folder, synced, folders synced. Then its line is appended; only the first one is synced at once, with
what the delivery is. So a journal line without its file is damage, and a file without its journal line was acknowledged
at most if its mark says so (`adopt`).
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from processors.landing.delivery import DELIVERY_FILE, Delivery, ReceivedInstance, SealReason
from processors.landing.durable import failed_syncs, sync_folder, write_whole
from processors.landing.journal import DeliveryLine, Journal, KeptInstance, OpenedDelivery
from processors.landing.mark import Mark, file_name, wipe_mark, write_mark

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
    """Address of the sender; empty if an earlier version wrote the journal."""


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
    _folder_descriptor: int = -1
    _is_durable: bool = False
    _failed_before: int = 0
    """How often the folder of deliveries could not be synced before this one was in it."""
    _is_told_durably: bool = False
    """Whether the journal's first line is synced: without it no file of the delivery can be adopted."""
    _left: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, deliveries: Path, opened: OpenedDelivery) -> "Filling":
        """Make the folder of a new delivery with the journal's first line in it; its first instance makes it durable.

        Raises:
            OSError: the disk does not take it.
        """
        folder = deliveries / opened.id
        failed_before = failed_syncs(deliveries)
        os.mkdir(folder, 0o700)  # noqa: PTH102 - a path is parsed for each use otherwise
        journal = Journal(folder / JOURNAL_FILE)
        try:
            journal.append(DeliveryLine(opened=opened), durable=False)
        except OSError:
            journal.rest()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder, opened, _journal=journal, _failed_before=failed_before)

    def next_file(self) -> str:
        """A name that this delivery has not used."""
        self.last_number += 1
        return file_name(self.last_number)

    def keep(self, part: Path | str, instance: ReceivedInstance, received_at: float, descriptor: int = -1) -> None:
        """Move `part` in; when this returns the instance is durable.

        Args:
            part: The file.
            instance: What it is; its file is the last that `next_file` has named.
            received_at: Unix seconds.
            descriptor: Of the file, open for writing; -1 if it is not open.

        Raises:
            OSError: it is not durable, and neither file nor journal line tells of it.
        """
        if descriptor < 0:
            descriptor = os.open(part, os.O_WRONLY | os.O_CLOEXEC)
            try:
                self._keep(part, instance, received_at, descriptor)
            finally:
                os.close(descriptor)
        else:
            self._keep(part, instance, received_at, descriptor)

    def _keep(self, part: Path | str, instance: ReceivedInstance, received_at: float, descriptor: int) -> None:
        if self._journal is None:
            raise AssertionError
        line = KeptInstance(received_at=received_at, instance=instance)
        mark = Mark(self.opened.id, instance.digest, instance.size, received_at, instance.revision, self.last_number)
        target = f"{self.folder}/{instance.file}"
        write_mark(descriptor, mark)
        os.rename(part, target)  # noqa: PTH104 - as above
        try:
            os.fdatasync(descriptor)
            self._sync_folders()
            self._journal.append(DeliveryLine(kept=line), durable=not self._is_told_durably)
            self._is_told_durably = True
        except BaseException:
            self._drop(target, descriptor)
            raise
        self.kept.append(line)
        self._uids.add(instance.sop_instance_uid)
        self.total_bytes += instance.size

    def _drop(self, target: str, descriptor: int) -> None:
        """Remove a file that was not acknowledged, durably if the disk lets: its mark would have it adopted.

        A power cut could bring back a name that is gone, and with it an object that its sender has sent again since.
        So its mark goes too, if it is not sure that the name does.
        """
        try:
            os.unlink(target)  # noqa: PTH108 - as above
            os.fsync(self._folder_descriptor if self._folder_descriptor >= 0 else self._open_folder())
        except OSError:
            with contextlib.suppress(OSError):
                wipe_mark(descriptor)
            self._left.append(target)

    def _open_folder(self) -> int:
        self._folder_descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self._folder_descriptor

    def _sync_folders(self) -> None:
        """Make the names in the folder durable, and the folder's own."""
        os.fsync(self._folder_descriptor if self._folder_descriptor >= 0 else self._open_folder())
        if not self._is_durable:
            sync_folder(self.folder.parent, self._failed_before)
            self._is_durable = True

    def rest(self) -> None:
        """Let go of all files until the next instance comes."""
        if self._folder_descriptor >= 0:
            os.close(self._folder_descriptor)
            self._folder_descriptor = -1
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

    def seal(
        self, reason: SealReason, now: float, write: Callable[[Path, bytes], object] = write_whole
    ) -> SealedDelivery:
        """Have `write` write `delivery.json`; from then on the folder never changes. Repeating it is harmless.

        Raises:
            OSError: the disk does not take it.
        """
        opened = self.opened
        self._journal = self._journal or Journal(self.folder / JOURNAL_FILE)
        try:
            self._journal.sync(lambda: [DeliveryLine(opened=opened), *(DeliveryLine(kept=line) for line in self.kept)])
        finally:
            self.rest()
        for target in self._left:
            Path(target).unlink(missing_ok=True)
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
        )
        write(self.folder / DELIVERY_FILE, delivery.to_json())
        times = tuple(line.received_at for line in self.kept)
        return SealedDelivery(delivery, opened.opened_at, now, times, opened.peer)

    def remove(self) -> None:
        """Remove a delivery that nothing was kept in."""
        self.rest()
        shutil.rmtree(self.folder, ignore_errors=True)


def new_id() -> str:
    """A random id for an association, a delivery or a piece of evidence."""
    return secrets.token_hex(16)


def timestamp(seconds: float) -> str:
    """Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
