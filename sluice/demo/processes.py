"""The demo's processes: each in its own group with its own log, and none of them left behind."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sluice.demo.errors import PartFailedError

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_PR_SET_CHILD_SUBREAPER = 36


class Part:
    """One running process of the demo; `log` has its stderr, `spoken` its stdout."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, spoken: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.spoken = spoken

    def check(self) -> None:
        """Do nothing while the process runs.

        Raises:
            PartFailedError: it ended.
        """
        code = self.process.poll()
        if code is not None:
            message = f"{self.name} ended with {code}: {last_line(self.log)} ({self.log})."
            raise PartFailedError(message)

    def ready(self) -> dict[str, Any]:
        """Wait for the line of JSON by which a long-running command says that it listens.

        Raises:
            PartFailedError: the process ended, or said nothing in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            for line in self.spoken.read_text("utf-8", errors="replace").splitlines(keepends=True):
                if line.startswith("{") and line.endswith("\n"):
                    said: dict[str, Any] = json.loads(line)
                    return said
            self.check()
            time.sleep(_LOOK_SECONDS)
        message = f"{self.name} was not ready after {READY_SECONDS:.0f} s: {last_line(self.log)} ({self.log})."
        raise PartFailedError(message)

    def finish(self, on_wait: Callable[[str], None]) -> None:
        """Wait for the end of a process that is meant to end; tell the last line of its log meanwhile.

        Raises:
            PartFailedError: it failed.
        """
        while self.process.poll() is None:
            on_wait(last_line(self.log))
            time.sleep(_LOOK_SECONDS)
        if self.process.returncode:
            self.check()


class Crew:
    """All processes of one demo; leaving the context ends every one of them, and whatever they started."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.parts: list[Part] = []
        self._lasting: list[Part] = []
        self._others: set[int] = set()

    def __enter__(self) -> Self:
        self._others = _descendants(os.getpid())
        _adopt_orphans(yes=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _deaf_to_interrupts():
            for part in reversed(self.parts):
                _end_group(part.process)
            end_descendants(self._others)
            _adopt_orphans(yes=False)

    def start(self, name: str, command: list[str], *, ends: bool = False) -> Part:
        """Start a command in its own process group, with logs of its own.

        Args:
            name: what people call it; its logs are named so.
            command: the command line.
            ends: whether it is meant to end by itself, so that `check` does not mind.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        log, spoken = self.logs / f"{name}.log", self.logs / f"{name}.out"
        with log.open("ab") as err, spoken.open("ab") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )
        part = Part(name, process, log, spoken)
        self.parts.append(part)
        if not ends:
            self._lasting.append(part)
        return part

    def run(self, command: list[str], log: Path) -> None:
        """Run a command to its end in its own process group."""
        environment = {**os.environ, "TCP_NODELAY": "1"}
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        try:
            process.wait()
        except BaseException:
            _end_group(process)
            raise

    def check(self) -> None:
        """Raise `PartFailedError` if a process that should last has ended."""
        for part in self._lasting:
            part.check()


def sluice_command(*arguments: str) -> list[str]:
    """A `sluice` command line that runs this very code."""
    return [sys.executable, "-m", "sluice", *arguments]


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    with contextlib.suppress(OSError):
        lines = [line for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
        if lines:
            return lines[-1].strip()[:300]
    return "its log is empty"


def end_descendants(others: AbstractSet[int] = frozenset()) -> None:
    """End every process that descends from this one: first politely, then not.

    Args:
        others: children that were here before and are not ours to end, nor what they started.
    """
    for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        told: set[int] = set()
        while (alive := _descendants(os.getpid(), others)) and time.monotonic() < deadline:
            for pid in alive - told:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, sign)
            told |= alive
            time.sleep(0.05)
            _reap(told)
        _reap(told)


def _descendants(root: int, others: AbstractSet[int] = frozenset()) -> set[int]:
    """Process ids below `root` that still run, by Linux' /proc, without `others`; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                children.setdefault(int(parent), []).append(int(entry.parent.name))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        below = [pid for pid in children.get(waiting.pop(), []) if pid not in others]
        found.update(below)
        waiting.extend(below)
    return found


def _reap(pids: AbstractSet[int]) -> None:
    """Collect those that became our children when their parent ended; `subprocess` keeps track of its own."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _adopt_orphans(*, yes: bool) -> None:
    """Become the parent of grandchildren whose parent ends, so that they can be found and ended (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the processes behind."""
    before = {sign: signal.signal(sign, signal.SIG_IGN) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
