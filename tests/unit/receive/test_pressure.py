"""Pressure begins at a limit, is over when it is clearly better, and each change is told once."""

import io
import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from processors.dicom.admission import Admission, Caller, Everybody, Rejection
from processors.dicom.causes import CAUSES
from processors.dicom.congestion import UnderCongestion
from processors.dicom.engine import Peer, StoreCommand
from processors.dicom.event_log import EventLog
from processors.dicom.pressure import DESCRIPTORS, DISK, Pressure, Resource
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.dicom.resources import resources
from processors.ledger.backlog import backlog
from processors.ledger.schema import connect
from processors.limits import ReceiverLimits
from tests.unit.receive.landing_desk import Desk
from tests.unit.receive.test_durability import element, send

GB = 10**9
COMMAND = StoreCommand(str(CTImageStorage), "1.2.3", str(ExplicitVRLittleEndian))


@dataclass
class Yard:
    """A disk with a reserve of 10 GB and 100 descriptors to keep, and what is told of them."""

    free: float | None = 50 * GB
    descriptors: float = 1000
    now: float = 0.0
    told: list[tuple[str, str]] = field(default_factory=list)
    lines: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.pressure = Pressure(
            [
                Resource(DISK, 10 * GB, "B", lambda: self.free, is_floor=True),
                Resource(DESCRIPTORS, 100, "count", lambda: self.descriptors, is_floor=True),
            ],
            relief=0.1,
            hold_seconds=10,
            log=EventLog(self.lines),
            tell=lambda cause, detail: self.told.append((cause, detail)),
            clock=lambda: self.now,
        )

    def look(self, *, free: float | None = None, after: float = 0.0) -> tuple[str, ...]:
        self.now += after
        self.free = free
        self.pressure.look()
        return self.pressure.states

    def states(self) -> list[tuple[str, str]]:
        return [(line["kind"], line["state"]) for line in map(json.loads, self.lines.getvalue().splitlines())]


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_at_its_limit_nothing_is_refused_and_below_it_everything(yard: Yard) -> None:
    assert yard.look(free=10 * GB) == ()
    assert yard.pressure.refusal() is None
    assert yard.look(free=10 * GB - 1) == (DISK,)
    refusal = yard.pressure.refusal()
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (0xA700, "no-space")


def test_it_is_over_only_when_there_is_a_tenth_more_than_the_limit(yard: Yard) -> None:
    yard.look(free=9 * GB)
    assert yard.look(free=10 * GB, after=60) == (DISK,)
    assert yard.look(free=11 * GB - 1, after=60) == (DISK,)
    assert yard.look(free=11 * GB, after=60) == ()
    assert yard.pressure.refusal() is None


def test_it_lasts_for_a_while_whatever_is_measured(yard: Yard) -> None:
    yard.look(free=9 * GB)
    assert yard.look(free=90 * GB, after=9) == (DISK,)
    assert yard.look(free=90 * GB, after=1) == ()


def test_each_change_is_one_line_and_one_trouble(yard: Yard) -> None:
    for free in (9, 8, 7, 12, 12):
        yard.look(free=free * GB, after=10)
    assert yard.states() == [(DISK, "on"), (DISK, "off")]
    assert yard.told == [("pressure-disk", "10 GB"), ("pressure-over", DISK)]


def test_what_cannot_be_measured_changes_nothing(yard: Yard) -> None:
    assert yard.look(free=None) == ()
    yard.look(free=9 * GB)
    assert yard.look(free=None, after=60) == (DISK,)


def test_one_object_too_large_for_what_is_left_is_no_pressure(yard: Yard) -> None:
    yard.free = 20 * GB
    yard.pressure.doubt(DISK)
    assert yard.pressure.states == ()


def test_an_object_that_was_refused_close_to_the_limit_is(yard: Yard) -> None:
    """Nothing is ever written into the reserve, so the disk alone would never be seen below it."""
    yard.free = 10.5 * GB
    yard.pressure.doubt(DISK)
    assert yard.pressure.states == (DISK,)


def test_what_the_system_itself_refused_is_whatever_is_measured(yard: Yard) -> None:
    """A quota is not in what the file system says is free."""
    yard.pressure.doubt(DISK, is_certain=True)
    assert yard.pressure.states == (DISK,)
    assert yard.told == [("pressure-disk", "10 GB")]


def test_two_kinds_are_over_one_by_one(yard: Yard) -> None:
    yard.descriptors = 5
    assert set(yard.look(free=9 * GB)) == {DISK, DESCRIPTORS}
    assert yard.look(free=90 * GB, after=60) == (DESCRIPTORS,)
    refusal = yard.pressure.refusal()
    assert refusal is not None
    assert refusal.reason == "pressure:descriptors"


def test_only_what_associations_make_worse_rejects_them(yard: Yard) -> None:
    policy, given = UnderCongestion(Everybody()), []
    policy.congestion = yard.pressure.congestion
    yard.look(free=9 * GB)
    assert isinstance(policy.admit(Caller("CT1", "SLUICE", "192.0.2.1")), Admission)
    yard.descriptors = 5
    yard.look(free=9 * GB)
    policy = UnderCongestion(SimpleNamespace(admit=lambda _: Admission(peer="ct1", given_back=lambda: given.append(1))))  # type: ignore[arg-type]
    policy.congestion = yard.pressure.congestion
    answer = policy.admit(Caller("CT1", "SLUICE", "192.0.2.1"))
    assert isinstance(answer, Rejection)
    assert (answer.result, answer.source, answer.diagnostic, answer.peer) == (2, 3, 1, "ct1")  # temporary congestion
    assert given == [1]


def test_while_rows_wait_for_the_ledger_no_association_adds_to_them(tmp_path: Path) -> None:
    rows = 0
    kinds = resources(
        ReceiverLimits(ledger_queue=10, descriptors=1),
        reserve_bytes=0,
        free_bytes=lambda: 1,
        ledger=tmp_path / "none",
        queued=lambda: rows,
    )
    pressure = Pressure(kinds, relief=0, hold_seconds=0, log=EventLog(io.StringIO()), tell=lambda *_: None)
    seen = []
    for rows in (10, 11, 10):  # noqa: B007 - `queued` reads it
        pressure.look()
        seen.append(pressure.congestion())
    assert seen == [None, "ledger-queue", None]


def test_every_kind_has_words_for_the_doctor() -> None:
    limits = ReceiverLimits(backlog_bytes=1, backlog_objects=1, backlog_deliveries=1)
    kinds = resources(limits, reserve_bytes=1, free_bytes=lambda: 1, ledger=Path("none"), queued=lambda: 0)
    assert len(kinds) == 7
    assert {f"pressure-{each.kind}" for each in kinds} <= set(CAUSES)


def test_the_backlog_is_what_is_not_confirmed(desk: Desk) -> None:
    association = desk.associate()
    for number in range(3):
        desk.store(association, series=f"1.9.{number}", content=b"1234567890")
    association.end("released")
    with closing(connect(desk.ledger_file)) as ledger:
        found = backlog(ledger)
        assert (found.deliveries, found.objects, found.bytes, found.waiting) == (3, 3, 30, 3)
        assert found.oldest_sealed_at == desk.now
        ids = [row[0] for row in ledger.execute("SELECT id FROM deliveries")]
        ledger.execute("UPDATE deliveries SET state = 'terminal' WHERE id = ?", (ids[0],))
        ledger.execute("UPDATE deliveries SET state = 'parked' WHERE id = ?", (ids[1],))
        found = backlog(ledger)
    assert (found.deliveries, found.waiting) == (2, 1)


@pytest.fixture
def receiver(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Receiver, SimpleNamespace]]:
    """A receiver with a reserve of 1 GB on a disk whose free space the test says."""
    disk = SimpleNamespace(f_bavail=GB + 10**6, f_frsize=1)  # so near that the disk is asked for each piece
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    limits = ReceiverLimits(hold=1e-9)
    settings = ReceiverSettings(desk.layout.root, desk.ledger_file, GB, limits=limits)
    running = Receiver(settings, desk.layout, EventLog(io.StringIO()))
    yield running, disk
    running.close()


def test_a_full_disk_refuses_without_a_file_and_recovers_by_itself(
    receiver: tuple[Receiver, SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, disk = receiver
    opened: list[bool] = []
    monkeypatch.setattr(running.metrics, "part_opened", lambda: opened.append(True))
    association = running.opened(Peer("CT1", "LUNG", "192.0.2.1"))
    disk.f_bavail = GB - 1
    running.pressure.look()
    assert [send(association, f"1.2.{number}") for number in range(3)] == [0xA700] * 3
    assert not opened
    disk.f_bavail = 2 * GB
    running.pressure.look()
    assert send(association, "1.2.1") == 0
    assert opened == [True]
    association.ended("released")


def test_an_object_that_fills_the_disk_gives_its_part_back_at_once(
    receiver: tuple[Receiver, SimpleNamespace], desk: Desk
) -> None:
    running, disk = receiver
    association = running.opened(Peer("CT1", "LUNG", "192.0.2.1"))
    reception = association.begin(COMMAND)
    reception.write(element(8, 0x16, CTImageStorage))
    assert desk.layout.parts()
    disk.f_bavail = GB
    reception.write(bytes(1000))
    assert not desk.layout.parts()
    assert running.pressure.states == (DISK,)
    assert reception.finish() == 0xA700
    association.ended("released")


def test_without_a_descriptor_the_object_is_refused_and_there_is_pressure(
    receiver: tuple[Receiver, SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, disk = receiver
    disk.f_bavail = 50 * GB
    association = running.opened(Peer("CT1", "LUNG", "192.0.2.1"))
    real = os.open

    def none_left(path: object, *more: object, **options: object) -> int:
        if str(path).endswith(".part"):
            raise OSError(24, "Too many open files")
        return real(path, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", none_left)
    assert send(association, "1.2.1") == 0xA700
    assert running.pressure.congestion() == DESCRIPTORS
    monkeypatch.setattr(os, "open", real)
    running.pressure.look()
    assert send(association, "1.2.1") == 0
    association.ended("released")
