"""CPU time of the whole path by its parts, read from /proc."""

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def by_part(nifi: int, handoff: int) -> dict[str, float]:
    """Seconds of CPU so far: NiFi's JVM, its Python processors, their workers, the handoff."""
    parts = {"nifi-jvm": 0.0, "nifi-python": 0.0, "workers": 0.0, "handoff": 0.0}
    for pid, parent_chain in _processes():
        if handoff in parent_chain:
            parts["handoff"] += _seconds(pid)
        elif pid == nifi:
            parts["nifi-jvm"] += _seconds(pid)
        elif nifi in parent_chain:
            parts["workers" if _is_worker(pid) else "nifi-python"] += _seconds(pid)
    return parts


def _processes() -> list[tuple[int, list[int]]]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (fields := _stat(int(folder.name))):
            parents[int(folder.name)] = int(fields[1])
    return [(pid, _chain(pid, parents)) for pid in parents]


def _chain(pid: int, parents: dict[int, int]) -> list[int]:
    chain = [pid]
    while (parent := parents.get(chain[-1])) and parent not in chain:
        chain.append(parent)
    return chain


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name; see proc(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _seconds(pid: int) -> float:
    """User and system time, of ended and awaited children too."""
    fields = _stat(pid)
    return sum(int(each) for each in fields[11:15]) / _TICK if fields else 0.0


def _is_worker(pid: int) -> bool:
    try:
        return b"processors.delivery.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def tree_seconds(root: int) -> float:
    """Seconds of CPU of a process, of what it has started, and of what of that has ended."""
    return sum(_seconds(pid) for pid, parent_chain in _processes() if root in parent_chain)
