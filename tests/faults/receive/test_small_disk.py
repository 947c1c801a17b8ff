"""A landing on a real file system of 32 MB, mounted for the receiver alone, that others fill, and one object."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.landing.layout import Layout
from tests.builders import write_ct_series
from tests.faults.receive.large_object import write_large_object
from tests.integration.receive.doctor import troubles
from tests.receiver_process import ReceiverProcess, storescu
from tests.waiting import wait_for

pytestmark = pytest.mark.faults

MB = 10**6
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
MOUNT = 'mount -t tmpfs -o size=32m tmpfs "$0" && exec "$@"'


class OnSmallDisk(ReceiverProcess):
    """Its landing lies on a file system that only its own process sees."""

    def command(self, *more: str) -> list[str]:
        """In a mount namespace; `exec` keeps the process the one that the test knows."""
        self.layout.root.mkdir(parents=True, exist_ok=True)
        return [*UNSHARE, "sh", "-c", MOUNT, str(self.layout.root), *super().command(*more)]

    @property
    def disk(self) -> Path:
        """The landing as the receiver sees it."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.layout.root}")


def can_mount(folder: Path) -> bool:
    """Whether a file system can be mounted for one process alone, and be looked into from here."""
    told = ["sh", "-c", "echo mounted; read -r _"]
    command = [*UNSHARE, "sh", "-c", MOUNT, str(folder), *told]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as one:
            assert one.stdout is not None
            inside = Path(f"/proc/{one.pid}/root{folder}")
            return bool(one.stdout.readline()) and inside.stat().st_dev != folder.stat().st_dev
    except OSError:
        return False


@pytest.fixture(params=["fast", "reference"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnSmallDisk]:
    (tmp_path / "try").mkdir()
    if not can_mount(tmp_path / "try"):
        pytest.skip(
            "no file system can be mounted here; tests/unit/receive/test_pressure.py has a disk of its own making"
        )
    quick = ("--limit", "look=50 ms", "--limit", "hold=50 ms")
    options = (
        "--engine",
        str(request.param),
        "--reserve-mb",
        "8",
        "--landing",
        str(tmp_path / "home/trusted/landing"),
    )
    with OnSmallDisk(tmp_path / "home", *options, *quick) as running:
        yield running


def states(receiver: ReceiverProcess) -> list[object]:
    return [line["state"] for line in receiver.events("pressure")]


def test_a_disk_that_others_fill_refuses_and_recovers(receiver: OnSmallDisk, tmp_path: Path) -> None:
    before, meanwhile = (write_ct_series(tmp_path / name, slices=2) for name in ("before", "meanwhile"))
    assert len(storescu(receiver.port, before).success) == 2
    ballast = receiver.disk / "ballast"
    ballast.write_bytes(bytes(26 * MB))
    wait_for(lambda: states(receiver) == ["on"])
    assert storescu(receiver.port, meanwhile, "-nh").refused == dict.fromkeys(meanwhile, 0xA700)
    ballast.unlink()
    wait_for(lambda: states(receiver) == ["on", "off"])
    assert len(storescu(receiver.port, meanwhile).success) == 2
    wait_for(lambda: {"pressure-disk", "pressure-over", "objects-refused"} <= set(troubles(receiver, 3)))


def test_an_object_that_is_too_large_is_refused_alone(receiver: OnSmallDisk, tmp_path: Path) -> None:
    large, small = write_large_object(tmp_path / "large.dcm", 40 * MB), write_ct_series(tmp_path / "ct", slices=2)
    sent = storescu(receiver.port, [large, *small], "-nh")
    assert sent.refused.get(large) == 0xA700, sent.output
    assert not Layout(receiver.disk).parts()
    wait_for(lambda: len(receiver.events("association")) == 1)
    # A look in the moment before it was refused may have seen too little room, until the next one sees enough.
    wait_for(lambda: len(storescu(receiver.port, small).success) == 2)
