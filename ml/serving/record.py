"""What is known of one served run, in a folder named by its key: `<results>/.serving/<key>/`.

- `order.json`: what was asked for; there from the moment that the run is accepted, and never changed.
- `lock`: held by the process that has the run. The system frees it when that process dies, however it dies.
- `attempts`: a word per beginning and per orderly interruption, so that a run that kills servers is found out.
- `ended.json`: how it ended; it can be made only once, so a cancel and an end cannot both be true.
- `log.txt`: what a person may want to know.
"""

import fcntl
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Literal

FOLDER = ".serving"
Outcome = Literal["succeeded", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    key: str
    batch_uri: str
    result_uri: str
    model_sha256: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; `reason` is a code, empty for a success."""

    state: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One run's folder."""

    folder: Path

    @classmethod
    def of(cls, results: Path, key: str) -> "Record":
        """The record of a key; nothing is made yet."""
        return cls(results / FOLDER / key)

    def order(self) -> Order | None:
        """What was asked for, once it was accepted."""
        content = _read(self.folder / "order.json")
        return None if content is None else Order(**content)

    def accept(self, order: Order) -> Order:
        """Keep the order durably; of two at one time the first one stays, and is returned."""
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)
        _write_once(self.folder / "order.json", asdict(order))
        return self.order() or order

    def hold(self) -> IO[str] | None:
        """Take the run for this process, or None while another one has it. Closing the file lets go of it."""
        stream = (self.folder / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            return None
        return stream

    def ended(self) -> Ended | None:
        """How it ended, if it did."""
        content = _read(self.folder / "ended.json")
        return None if content is None else Ended(**content)  # type: ignore[arg-type]

    def end(self, ended: Ended) -> bool:
        """Say how it ended; False when it had ended before."""
        return _write_once(self.folder / "ended.json", asdict(ended))

    def begin(self) -> int:
        """Count a beginning durably; returns how many began and were not interrupted in order, this one included."""
        self._append("begun")
        words = (self.folder / "attempts").read_text("utf-8").split()
        return words.count("begun") - words.count("interrupted")

    def interrupted(self) -> None:
        """The server ends in order; this beginning does not count."""
        self._append("interrupted")

    def attempts(self) -> int:
        """How often it began."""
        file = self.folder / "attempts"
        return file.read_text("utf-8").split().count("begun") if file.exists() else 0

    def log(self, line: str) -> None:
        """Add a line for people."""
        with (self.folder / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")

    def _append(self, word: str) -> None:
        with (self.folder / "attempts").open("a", encoding="utf-8") as stream:
            stream.write(f"{word}\n")
            stream.flush()
            os.fsync(stream.fileno())


def unfinished(results: Path) -> list[str]:
    """Keys that were accepted and did not end, the oldest first."""
    folders = [file.parent for file in (results / FOLDER).glob("*/order.json")]
    waiting = [folder for folder in folders if not (folder / "ended.json").exists()]
    return [folder.name for folder in sorted(waiting, key=lambda folder: (folder / "order.json").stat().st_mtime_ns)]


def _read(file: Path) -> dict[str, str] | None:
    try:
        content: dict[str, str] = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return content


def _write_once(file: Path, content: dict[str, str]) -> bool:
    """Make a file that is there whole or not at all, durably, and only once; False when it was there."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with temporary.open("x", encoding="utf-8") as stream:
        json.dump(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(temporary, file)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync(file.parent)
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
