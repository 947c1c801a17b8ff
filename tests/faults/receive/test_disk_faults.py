"""A disk that is full or broken at any one moment: the object is refused, the next try is taken, nothing else is hurt.

A session is received once to count what the disk is asked; then once more for each of these steps, which fails. Every
object gets an answer on the same association, what is refused is sent again and taken, and what was answered with
Success is there, also after a power cut: a sync that failed is never taken for one that has been done by a later one.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.dicom import part_file, relay
from processors.landing.layout import Layout
from processors.landing.recover import recover
from processors.ledger.schema import connect
from tests.faults.receive.desk import Desk, SentObject, an_object, assert_all_is_kept, assert_kept_once, in_step
from tests.faults.receive.disk import Step, Survives, TracedDisk, after_power_cut

pytestmark = pytest.mark.faults

LARGE = b"large " * 1000
OBJECTS = (
    ("1.3.1", an_object("1.3.1")),
    ("1.3.2", an_object("1.3.2")),
    ("1.3.1", an_object("1.3.1")),  # a duplicate
    ("1.3.1", an_object("1.3.1", pixels=b"others")),  # a variant
    ("1.3.3", an_object("1.3.3", series="1.2.3")),
    ("1.3.3", an_object("1.3.3", series="1.2.3")),  # a duplicate
    ("1.3.4", an_object("1.3.4", pixels=LARGE)),  # written by a thread of its own
)
TAKES_ROOM = {"names", "mkdir", "write"}
NO_SPACE, NOT_WRITTEN = 0xA700, 0xC001
Fails = Callable[[int, Step], OSError | None]


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is possible: hundreds of sessions sync for nothing here."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield Path(folder)


def receive(folder: Path, monkeypatch: pytest.MonkeyPatch, fails: Fails) -> tuple[Desk, TracedDisk]:
    """Send all objects over one association, what was refused over another, while the disk fails as told."""
    desk = Desk(folder)
    with monkeypatch.context() as patched:
        in_step(patched)
        patched.setattr(part_file, "LARGE_BYTES", 2000)
        patched.setattr(relay, "BLOCK_BYTES", 1000)
        disk = TracedDisk(patched, desk.layout.root)
        disk.fail = fails
        with desk:
            for objects in (OBJECTS, None):
                sender = desk.associate()
                refused = [(one.uid, one.content) for one in desk.sent if one.answer]
                for uid, content in objects or refused:
                    sender.store(uid, content)
                sender.release()
                desk.relax()
    return desk, disk


def assert_sound(desk: Desk, disk: TracedDisk, folder: Path, answers: set[int]) -> None:
    """Each object got one of these answers and later Success, and is there now and after a power cut."""
    assert {one.answer for one in desk.sent[: len(OBJECTS)]} <= {0, *answers}
    assert not any(one.answer for one in desk.sent[len(OBJECTS) :])
    acknowledged = [one for one in desk.sent if one.answer == 0]
    assert len(acknowledged) == len(OBJECTS)
    assert not [event for event in desk.events() if "fault" in str(event["event"])]
    with closing(connect(desk.ledger)) as ledger:
        recover(desk.layout, ledger)
    assert_all_is_kept(desk.layout, desk.ledger, acknowledged, desk.sent)
    _assert_kept_after_power_cut(disk, folder, acknowledged, desk.sent)


def _assert_kept_after_power_cut(
    disk: TracedDisk, folder: Path, acknowledged: list[SentObject], sent: list[SentObject]
) -> None:
    layout = Layout(folder / "cut")
    after_power_cut(disk.steps, disk.root_node, Survives(), layout.root)
    layout.prepare()
    with closing(connect(folder / "cut.db")) as ledger:
        recover(layout, ledger)
    assert_kept_once(layout, acknowledged, sent)


def steps_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """What the disk is asked when it does not fail."""
    asked: list[Step] = []
    receive(folder, monkeypatch, lambda _number, step: asked.append(step))
    shutil.rmtree(folder)
    return asked


@pytest.mark.parametrize(
    ("code", "kinds", "times", "answer"),
    [
        pytest.param(errno.ENOSPC, TAKES_ROOM, 1, NO_SPACE, id="full once"),
        pytest.param(errno.ENOSPC, TAKES_ROOM, 5, NO_SPACE, id="full for a while"),
        pytest.param(errno.EIO, {*TAKES_ROOM, "sync", "truncate"}, 1, NOT_WRITTEN, id="broken once"),
        pytest.param(errno.EIO, {"sync"}, 3, NOT_WRITTEN, id="no sync for a while"),
    ],
)
def test_a_disk_that_fails_at_any_step_costs_the_object_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, kinds: set[str], times: int, answer: int
) -> None:
    asked = steps_of(folder / "steps", monkeypatch)
    failing = [number for number, step in enumerate(asked) if step.kind in kinds]
    assert len(failing) > 20
    for first in failing:
        left = [times]

        def fails(number: int, step: Step, first: int = first, left: list[int] = left) -> OSError | None:
            if number < first or step.kind not in kinds or not left[0]:
                return None
            left[0] -= 1
            return OSError(code, os.strerror(code))

        place = folder / str(first)
        desk, disk = receive(place, monkeypatch, fails)
        try:
            assert_sound(desk, disk, place, {answer})
        except AssertionError as error:
            raise AssertionError(f"step {first}: {asked[first].kind} {asked[first].changes}: {error}") from error
        shutil.rmtree(place)


def test_a_disk_that_takes_half_of_each_write_gets_the_other_half_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(folder)
    with monkeypatch.context() as patched:
        disk = TracedDisk(patched, desk.layout.root)
        disk.short_writes = True
        with desk:
            sender = desk.associate()
            for uid, content in OBJECTS:
                assert sender.store(uid, content) == 0
            sender.release()
    assert_sound(desk, disk, folder, set())
