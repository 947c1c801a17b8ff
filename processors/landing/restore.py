"""Bring back into the folders of deliveries, after a crash, what only the slots have.

A slot that says whose its object is (`mark`) stands for an object that may have been acknowledged, until its sealed
delivery is durable. So each gets its name in that delivery's folder anew, whether it is there or not: a sync that had
failed may have lost it. Deliveries whose originals have been removed since need none. All other slots go: they are
empty, or what is in them was never whole.
"""

import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from processors.landing.delivery import DELIVERY_FILE, is_sealed, read_delivery
from processors.landing.durable import sync_folder
from processors.landing.errors import DeliveryUnreadableError
from processors.landing.layout import Layout
from processors.landing.mark import MARK_BYTES, Mark, file_name


def restore(layout: Layout, known: Collection[str], removed: Collection[str]) -> tuple[dict[Path, Path], int]:
    """Name what the slots have in the deliveries' folders.

    Args:
        layout: The landing; nobody receives into it.
        known: The deliveries that the ledger has.
        removed: Of these, whose originals are gone as they should.

    Returns:
        The folder of each slot that is left: they go with `let_go`, when their deliveries are sealed. And how many
        stay as they are, as one may have what was acknowledged: those that cannot be read, or could not be when their
        delivery was sealed without them.

    Raises:
        OSError: the disk does not take a name.
    """
    left: dict[Path, Path] = {}
    unreadable = 0
    for slot in layout.slot_files():
        try:
            mark = _mark_of(slot)
        except OSError:
            unreadable += 1
            continue
        if mark is None or mark.delivery_id in removed:
            slot.unlink()
            continue
        folder = layout.delivery(mark.delivery_id)
        if mark.delivery_id in known and not folder.is_dir():
            slot.unlink()
            continue
        if not _has_place(folder, file_name(mark.number)):
            unreadable += 1
            continue
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / file_name(mark.number)
        target.unlink(missing_ok=True)
        os.link(slot, target)
        left[slot] = folder
    for aside in layout.deliveries_named_again():
        shutil.rmtree(aside)  # its files have their slots yet
    return left, unreadable


def let_go(layout: Layout, left: dict[Path, Path]) -> None:
    """Remove the slots whose deliveries are sealed, once those are durable, or have come to nothing.

    Raises:
        OSError: the disk does not take it.
    """
    sealed = {folder for folder in left.values() if is_sealed(folder)}
    for folder in sealed:
        _sync(folder / DELIVERY_FILE)
        sync_folder(folder)
    if sealed:
        sync_folder(layout.deliveries)
    for slot, folder in left.items():
        if folder in sealed or not folder.exists():
            with contextlib.suppress(FileNotFoundError):
                slot.unlink()


def _has_place(folder: Path, name: str) -> bool:
    """Whether a delivery has such a file, or may get one; of what cannot be read nobody knows better."""
    if not is_sealed(folder):
        return True
    with contextlib.suppress(DeliveryUnreadableError):
        return any(one.file == name for one in read_delivery(folder).instances)
    return True


def _mark_of(slot: Path) -> Mark | None:
    with slot.open("rb", buffering=0) as file:
        return Mark.from_bytes(file.read(MARK_BYTES))


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
