"""Who belongs to a run. Process ids come again, so a process counts only with its start time or the run's mark."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

RUN_MARK = "SLUICE_RUN_KEY"
"""The variable that marks every process of a run; its value is the handoff's key."""
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that cannot be taken for another one."""

    pid: int
    started: int
    boot: str

    @classmethod
    def own(cls) -> "ProcessIdentity":
        """This process."""
        facts = _stat(os.getpid())
        return cls(os.getpid(), facts.started if facts else 0, boot_id())

    def alive(self) -> bool:
        """Whether exactly this process still runs; a zombie does not."""
        facts = _stat(self.pid)
        return self.boot == boot_id() and facts is not None and facts.started == self.started and facts.state != "Z"


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    group: int
    started: int


def boot_id() -> str:
    """The id of this boot of the machine."""
    return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()


def members(group: int, key: str) -> list[int]:
    """Living processes of the process group that carry the run's mark."""
    mark = f"{RUN_MARK}={key}".encode()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        facts = _stat(int(entry.name))
        if facts is not None and facts.group == group and facts.state != "Z" and mark in _environment(entry):
            found.append(int(entry.name))
    return found


def end_group(group: int, key: str, grace_seconds: float = 3.0) -> None:
    """Ask every process of the run to end, and after the grace time make it."""
    deadline = time.monotonic() + grace_seconds
    for pid in members(group, key):
        _send(pid, signal.SIGTERM)
    while (left := members(group, key)) and time.monotonic() < deadline:
        time.sleep(0.05)
    while left:
        for pid in left:
            _send(pid, signal.SIGKILL)
        time.sleep(0.05)
        left = members(group, key)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _stat(pid: int) -> _Stat | None:
    """State, process group and start time (proc(5), fields 3, 5 and 22); the name before them may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return _Stat(state=fields[0], group=int(fields[2]), started=int(fields[19]))


def _environment(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
