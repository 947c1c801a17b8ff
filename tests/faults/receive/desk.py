"""A whole receiver in this process, its senders on socket pairs, and what must be true of its landing."""

import hashlib
import io
import json
import socket
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from pydicom.uid import CTImageStorage

from processors.dicom.admission import Everybody
from processors.dicom.event_log import EventLog
from processors.dicom.fast.association import Association, Connection, Timers
from processors.dicom.fast.command import parse_command
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.landing.delivery import is_sealed, read_delivery
from processors.landing.layout import Layout
from processors.landing.recover import recover
from processors.ledger import writer
from processors.ledger.reconcile import reconcile
from processors.ledger.schema import connect
from processors.ledger.writer import Enter, LedgerWriter, Work
from processors.limits import ReceiverLimits
from tests.faults.receive.disk import TracedDisk
from tests.receiver_process import data_set_bytes, unfinished
from tests.unit.receive.raw_peer import pdu, request, store

MAY_BE_LEFT = "journal.jsonl"
"""Nobody needs the journal of a sealed delivery, so it is never synced."""


@dataclass(frozen=True)
class SentObject:
    """A C-STORE, by what its answer promises; `answer` is None if none came."""

    uid: str
    called_ae: str
    content: bytes
    answer: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.uid, hashlib.sha256(self.content).hexdigest(), self.called_ae


class _Answering(socket.socket):
    """The receiver's end: notes each answer to a C-STORE in the disk's log, just before it is sent."""

    disk: TracedDisk | None = None

    def sendall(self, content: Any, *flags: int) -> None:
        if self.disk is not None and content[0] == 4 and parse_command(content[12:]).field == 0x8001:
            place = content.index(b"\0\0\0\x09\2\0\0\0") + 8
            self.disk.note(int.from_bytes(content[place : place + 2], "little"))
        super().sendall(content, *flags)


class Desk:
    """A receiver with the fast engine's associations, without a port."""

    def __init__(self, folder: Path, *, idle_seconds: float = 3600.0) -> None:
        self.layout, self.ledger = Layout(folder / "landing"), folder / "ledger.db"
        self.layout.prepare()
        self.log = io.StringIO()
        limits = ReceiverLimits(hold=0.001)
        self._settings = ReceiverSettings(self.layout.root, self.ledger, 0, idle_seconds=idle_seconds, limits=limits)
        self.sent: list[SentObject] = []
        self.disk: TracedDisk | None = None
        self.receiver: Receiver

    def start(self) -> None:
        """As `sluice receive` does: put the landing in order, then take associations."""
        with closing(connect(self.ledger)) as connection:
            recover(self.layout, connection)
        self.receiver = Receiver(self._settings, self.layout, EventLog(self.log))

    def relax(self) -> None:
        """Have the receiver see that the disk has room, as it does by itself every second."""
        while self.receiver.pressure.states:
            self.receiver.pressure.look()

    def stop(self) -> None:
        self.receiver.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def associate(self, called: str = "SLUICE") -> "Sender":
        return Sender(self, called)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


class Sender:
    """One association with the desk."""

    def __init__(self, desk: Desk, called: str) -> None:
        self._desk, self._called = desk, called
        self.connection, theirs = socket.socketpair()
        self.connection.settimeout(120)
        theirs = _Answering(fileno=theirs.detach())
        theirs.disk = desk.disk
        association = Association(Connection(theirs, "192.0.2.1"), desk.receiver, Everybody(), None, Timers())
        self._thread = threading.Thread(target=association.run, daemon=True)
        self._thread.start()
        self.connection.sendall(request(called=called))
        assert self._answer()[:1] == b"\2"

    def store(self, uid: str, content: bytes) -> int | None:
        """Send an object; its status."""
        self.connection.sendall(store(content, uid))
        answer = self._answer()
        place = answer.index(b"\0\0\0\x09\2\0\0\0") + 8
        status = int.from_bytes(answer[place : place + 2], "little")
        self._desk.sent.append(SentObject(uid, self._called, content, status))
        return status

    def release(self) -> None:
        self.connection.sendall(pdu(5, bytes(4)))
        assert self._answer()[:1] == b"\6"
        self.hang_up()

    def hang_up(self) -> None:
        self.connection.close()
        self._thread.join(120)
        assert not self._thread.is_alive()

    def _answer(self) -> bytes:
        """The next PDU."""
        head = self._read(6)
        return head + self._read(int.from_bytes(head[2:6], "big"))

    def _read(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            more = self.connection.recv(count - len(content))
            assert more, "the receiver hung up"
            content += more
        return content


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    size = b"\0\0" + len(value).to_bytes(4, "little") if vr == b"OW" else len(value).to_bytes(2, "little")
    return head + size + value


def an_object(uid: str, *, series: str = "1.2.2", pixels: bytes = b"pixels") -> bytes:
    """A data set with identifiers and pixels, explicit VR little endian."""
    return (
        element(8, 0x16, b"UI", str(CTImageStorage).encode())
        + element(8, 0x18, b"UI", uid.encode())
        + element(0x20, 0xD, b"UI", b"1.2.1")
        + element(0x20, 0xE, b"UI", series.encode())
        + element(0x7FE0, 0x10, b"OW", pixels)
    )


def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever reports to the ledger wait for it, so that every run asks the disk for the same in one order."""
    submit = LedgerWriter.submit

    def submit_and_wait(self: LedgerWriter, work: Work | Enter) -> None:
        done = threading.Event()
        submit(self, work)
        if threading.current_thread().name == "ledger-writer":
            return  # it reports its own trouble, and would wait for itself
        submit(self, Work(lambda _: None, then=done.set))  # work that was given up is done too
        done.wait()

    monkeypatch.setattr(writer, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(LedgerWriter, "submit", submit_and_wait)


def assert_kept_once(layout: Layout, acknowledged: list[SentObject], sent: list[SentObject]) -> None:
    """What was answered with Success is in a sealed delivery, once and byte for byte, and only what was sent is.

    Args:
        layout: A landing at rest, after recovery.
        acknowledged: What got Success.
        sent: All that was sent, the ones before included.
    """
    contents = {one.key: one.content for one in sent}
    kept: Counter[tuple[str, str, str]] = Counter()
    for folder in layout.delivery_folders():
        assert is_sealed(folder)
        delivery = read_delivery(folder)
        for one in delivery.instances:
            key = one.sop_instance_uid, one.digest, delivery.called_ae
            kept[key] += 1
            assert data_set_bytes(folder / one.file) == contents[key]
        files = {file.name for file in folder.iterdir()}
        assert files - {MAY_BE_LEFT} == {"delivery.json"} | {one.file for one in delivery.instances}, files
    lost = {one.key for one in acknowledged} - set(kept)
    assert not lost, lost
    assert set(kept.values()) <= {1}, kept


def assert_all_is_kept(
    layout: Layout, ledger: Path, acknowledged: list[SentObject], sent: list[SentObject], *, most_unheard: int = 0
) -> None:
    """As `assert_kept_once`; and no part or other file is left, and all witnesses agree.

    Args:
        layout: A landing at rest, after recovery.
        ledger: Its ledger.
        acknowledged: What got Success, in order.
        sent: All that was sent, the ones before included.
        most_unheard: How many C-STOREs may be entered whose Success was not heard.
    """
    assert_kept_once(layout, acknowledged, sent)
    orphans = [*unfinished(layout), *layout.slot_files(), *layout.root.rglob("*.new"), *layout.root.rglob("*.again")]
    assert not orphans, orphans
    report = reconcile(layout.root, ledger, pause=lambda _: None)
    assert not report.gaps, report.gaps
    entered = report.acknowledged
    assert len(acknowledged) <= entered <= len(acknowledged) + most_unheard, (len(acknowledged), entered)
