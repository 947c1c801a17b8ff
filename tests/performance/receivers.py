"""The receivers that are compared, each started anew in an empty folder: ours and storescp two ways each, Orthanc.

Ours runs by both engines. With `--bit-preserving`, which few use, storescp writes the bytes as they come: its fastest
mode.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluice.demo.orthanc import program
from tests.loopback import free_port
from tests.performance.cpu_time import tree_seconds
from tests.receiver_process import ReceiverProcess, peer
from tests.waiting import wait_for

_PREFIX = "bench-"
_NODELAY = {**os.environ, "TCP_NODELAY": "1"}
"""Without it DCMTK's answers wait for a delayed ACK, and the comparison would be too easy."""


@dataclass(frozen=True)
class Running:
    """A receiver that takes objects."""

    port: int
    called: str
    pid: int

    def cpu_seconds(self) -> float:
        """Of its process and all that it has started."""
        return tree_seconds(self.pid)

    def resident_mb(self) -> float:
        """Of its process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def forget_peak(self) -> None:
        """The peak of its memory begins where it is now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """The most that was resident since then; what is given back before the last answer counts too."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**10


@contextmanager
def sluice(folder: Path, engine: str) -> Iterator[Running]:
    """Ours: file and folder synced before each answer."""
    with ReceiverProcess(folder / "home", "--engine", engine) as process:
        assert process.process is not None
        yield Running(process.port, "SLUICE", process.process.pid)


@contextmanager
def orthanc(folder: Path) -> Iterator[Running]:
    """Orthanc as it is, without HTTP; it syncs each file."""
    folder.mkdir(parents=True)
    port = free_port()
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowEcho": True,
        "MaximumPduLength": 131072,
        "HttpServerEnabled": False,
        "StorageCompression": False,
        "Plugins": [],
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings))
    yield from _running([program() or "Orthanc", str(configuration)], port, "ORTHANC", folder)


@contextmanager
def storescp(folder: Path, *more: str) -> Iterator[Running]:
    """Dcmtk's, a process per association; it reads each object whole, writes it anew, and syncs nothing."""
    folder.mkdir(parents=True)
    port = free_port()
    options = ["--fork", "+xa", "-dhl", "-pm", "-pdu", "131072", *more, "-aet", "STORESCP", "-od", str(folder)]
    yield from _running([peer("storescp"), *options, str(port)], port, "STORESCP", folder)


RECEIVERS: dict[str, Callable[[Path], object]] = {
    "fast": lambda folder: sluice(folder, "fast"),
    "reference": lambda folder: sluice(folder, "reference"),
    "orthanc": orthanc,
    "storescp": storescp,
    "storescp-bit-preserving": lambda folder: storescp(folder, "--bit-preserving"),
}


@contextmanager
def started(name: str, on: Path) -> Iterator[Running]:
    """One of them, in a new folder below `on` whose files are emptied afterwards; `cleared` removes them.

    An ext4 without a journal does not use an inode again for minutes after its file is gone: for each new file it looks
    through all of those first, which would cost whoever makes more files than others, and whoever comes later.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX + name, dir=on))
    try:
        with RECEIVERS[name](folder / "run") as running:  # type: ignore[attr-defined]
            yield running
    finally:
        for file in folder.rglob("*"):
            if file.is_file():
                os.truncate(file, 0)


@contextmanager
def cleared(on: Path) -> Iterator[None]:
    """Afterwards nothing is left of what was `started` on a folder, which is made."""
    on.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for folder in on.glob(_PREFIX + "*"):
            shutil.rmtree(folder, ignore_errors=True)


def _running(command: list[str], port: int, called: str, folder: Path) -> Iterator[Running]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_NODELAY)
    try:
        wait_for(lambda: _echoes(port, called))
        yield Running(port, called, process.pid)
    finally:
        process.kill()
        process.wait()


def _echoes(port: int, called: str) -> bool:
    command = [peer("echoscu"), "-aec", called, "127.0.0.1", str(port)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
