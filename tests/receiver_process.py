"""A real `sluice receive` on loopback for tests, real senders for it, and what its landing says."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydicom import dcmread

from processors.dicom.part10 import data_set_offset
from processors.landing.delivery import Delivery, is_sealed, read_delivery
from processors.landing.layout import Layout

_DCMTK_ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


class ReceiverProcess:
    """One trusted home with a receiver that can be started, stopped, killed and started again."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.layout = Layout(home / "trusted" / "landing")
        self.ledger = home / "trusted" / "ledger.db"
        self.log = home / "receiver.log"
        self._options = options
        self.process: subprocess.Popen[str] | None = None
        self.port = self.management_port = self.tls_port = self.http_port = self.https_port = 0
        home.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self) -> None:
        """Start it and wait for its listening line."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self.command("--port", "0"), stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.process.stdout.close()
        assert line, self.log.read_text()
        listening = json.loads(line)
        self.port, self.management_port = listening["port"], listening.get("management_port", 0)
        self.tls_port = listening.get("tls_port", 0)
        self.http_port, self.https_port = listening.get("http_port", 0), listening.get("https_port", 0)

    def command(self, *more: str) -> list[str]:
        """The command line, without a port."""
        head = [sys.executable, "-m", "sluice", "receive", "--home", str(self.home), "--host", "127.0.0.1"]
        return [*head, "--reserve-mb", "1", *self._options, *more]

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it by SIGTERM; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the ledger says."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def deliveries(self) -> list[Delivery]:
        """All sealed deliveries."""
        return [read_delivery(folder) for folder in sorted(self.layout.deliveries.iterdir()) if is_sealed(folder)]

    def kept(self) -> Counter[str]:
        """How often each SOP Instance UID is kept in a sealed delivery."""
        return Counter(one.sop_instance_uid for delivery in self.deliveries() for one in delivery.instances)

    def kept_bytes(self) -> dict[str, bytes]:
        """The data set's bytes of each kept instance, by SOP Instance UID."""
        return {
            one.sop_instance_uid: data_set_bytes(self.layout.delivery(delivery.id) / one.file)
            for delivery in self.deliveries()
            for one in delivery.instances
        }

    def events(self, event: str) -> list[dict[str, object]]:
        """What the receiver's log says about one kind of event."""
        whole = self.log.read_text().rpartition("\n")[0]  # the last line may still be written
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if line["event"] == event]


@dataclass(frozen=True)
class Sent:
    """What a sender's log says: files by the answer that it got; a file without an answer is absent."""

    success: list[Path]
    refused: dict[Path, int]
    output: str


def storescu(port: int, files: Sequence[Path], *options: str, called: str = "SLUICE") -> Sent:
    """Push files over one association by dcmtk's storescu, and wait for it."""
    done = subprocess.run(
        _storescu(port, files, options, called), check=False, capture_output=True, text=True, env=_DCMTK_ENVIRONMENT
    )
    return read_storescu(done.stdout + done.stderr)


class Storescu:
    """Pushes files over one association, no further than its log is read: what a test does meanwhile is in the middle.

    Use it as a context, which ends it.
    """

    def __init__(self, port: int, files: Sequence[Path], *options: str) -> None:
        self._lines: list[str] = []
        self._process = subprocess.Popen(
            _storescu(port, files, options, "SLUICE"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_DCMTK_ENVIRONMENT,
            bufsize=1,
            pipesize=4096,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def until(self, acknowledged: int) -> None:
        """Read until so many instances got Success; it is some ten instances ahead of that at most."""
        while sum("(Success)" in line for line in self._lines) < acknowledged:
            assert self._next(), "".join(self._lines)

    def finish(self) -> Sent:
        """Read to the end: what got which answer."""
        while self._next():
            pass
        return read_storescu("".join(self._lines))

    def _next(self) -> bool:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._lines.append(line)
        return bool(line)


def read_storescu(output: str) -> Sent:
    """Read which file got which answer from the log of `storescu -v`."""
    success: list[Path] = []
    refused: dict[Path, int] = {}
    current = Path()
    for line in output.splitlines():
        if match := re.search(r"Sending file: (.*)$", line):
            current = Path(match[1])
        elif match := re.search(r"Received Store Response \((.*)\)", line):
            if match[1] == "Success":
                success.append(current)
            else:
                refused[current] = _status(match[1])
    return Sent(success, refused, output)


def peer(name: str) -> str:
    """The path of a program of dcmtk; a test without its peer fails."""
    path = shutil.which(name, path="/usr/bin:/usr/local/bin")
    assert path, f"{name} is missing: apt-get install dcmtk"
    return path


def unfinished(layout: Layout) -> list[Path]:
    """What is left of objects and associations that have not ended."""
    return [*layout.incoming.iterdir(), *layout.parts()]


def data_set_bytes(file: Path) -> bytes:
    """What follows preamble and file meta in a Part 10 file."""
    content = file.read_bytes()
    return content[data_set_offset(content) :]


def uid_of(file: Path) -> str:
    """The SOP Instance UID of a file."""
    return str(dcmread(file, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)


def once_each(uids: Iterable[str]) -> Counter[str]:
    """The count of a set of things that are each there once."""
    return Counter(set(uids))


def _storescu(port: int, files: Sequence[Path], options: Sequence[str], called: str) -> list[str]:
    return [peer("storescu"), "-v", "-aec", called, *options, "127.0.0.1", str(port), *map(str, files)]


def _status(text: str) -> int:
    known = {
        "Refused: OutOfResources": 0xA700,
        "Error: DataSetDoesNotMatchSOPClass": 0xA900,
        "Error: CannotUnderstand": 0xC000,
    }
    return next((code for name, code in known.items() if text.startswith(name)), -1)
