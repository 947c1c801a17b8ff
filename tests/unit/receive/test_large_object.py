"""A large object, part of which is written by another thread: the same answers as for a small one, and nothing left."""

import errno
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from processors.dicom import part_file, relay, status
from processors.dicom.engine import Reception, StoreCommand
from processors.dicom.event_log import EventLog
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.storage_scp import StorageAssociation
from tests.faults.receive.desk import an_object
from tests.unit.receive.landing_desk import Desk

PIECE = 1000


@pytest.fixture
def association(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> StorageAssociation:
    monkeypatch.setattr(part_file, "LARGE_BYTES", 2 * PIECE)
    monkeypatch.setattr(relay, "BLOCK_BYTES", PIECE)
    metrics = ReceiverMetrics(Path("no-ledger"), lambda: 0, lambda: 0.0)
    return StorageAssociation(desk.associate(), lambda _: True, EventLog(io.StringIO()), metrics)


def begin(association: StorageAssociation) -> Reception:
    return association.begin(StoreCommand(str(CTImageStorage), "1.2.1", str(ExplicitVRLittleEndian)))


def write(reception: Reception, content: bytes) -> None:
    for start in range(0, len(content), PIECE):
        reception.write(content[start : start + PIECE])


def left(desk: Desk) -> tuple[list[str], list[str], list[str]]:
    """Threads, descriptors and files of objects on their way in."""
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - its own is one
    open_files = [str(link.readlink()) for link in links if link.is_symlink()]
    return (
        [thread.name for thread in threading.enumerate() if thread.name in {"hashing", "writing"}],
        [file for file in open_files if ".part" in file],
        [file.name for file in desk.layout.parts()],
    )


CONTENT = an_object("1.2.1", pixels=b"large " * 2000)


def test_it_is_kept_byte_for_byte(desk: Desk, association: StorageAssociation) -> None:
    reception = begin(association)
    write(reception, CONTENT)
    assert reception.finish() == status.SUCCESS
    [kept] = desk.layout.root.rglob("*.dcm")
    assert kept.read_bytes().endswith(CONTENT)
    assert left(desk) == ([], [], [])


def test_one_that_breaks_off_leaves_nothing(desk: Desk, association: StorageAssociation) -> None:
    reception = begin(association)
    write(reception, CONTENT[: len(CONTENT) // 2])
    assert [len(each) for each in left(desk)] == [2, 1, 1]
    reception.abandon()
    assert left(desk) == ([], [], [])


@pytest.mark.parametrize("cut", [1, PIECE])
def test_one_that_is_too_short_is_refused_and_leaves_nothing(
    desk: Desk, association: StorageAssociation, cut: int
) -> None:
    reception = begin(association)
    write(reception, CONTENT[:-cut])
    assert reception.finish() == status.CANNOT_UNDERSTAND
    assert left(desk) == ([], [], [])


@pytest.mark.parametrize(
    ("code", "answer"), [(errno.ENOSPC, status.OUT_OF_RESOURCES), (errno.EIO, status.CANNOT_STORE)]
)
@pytest.mark.parametrize("failing", [1, 2])
def test_a_disk_that_fails_in_the_other_thread_refuses_it_and_the_next_try_is_taken(
    desk: Desk,
    association: StorageAssociation,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    answer: int,
    failing: int,
) -> None:
    writes, real = iter(range(1, 100)), os.writev

    def writev(descriptor: int, pieces: Any) -> int:
        if threading.current_thread().name == "writing" and next(writes) == failing:
            raise OSError(code, os.strerror(code))
        return real(descriptor, pieces)

    monkeypatch.setattr(os, "writev", writev)
    for expected in (answer, status.SUCCESS):
        reception = begin(association)
        write(reception, CONTENT)
        assert reception.finish() == expected
        assert left(desk) == ([], [], [])
    [kept] = desk.layout.root.rglob("*.dcm")
    assert kept.read_bytes().endswith(CONTENT)
