"""What starting a server cost: noted right after its start, before tests make it work."""

import os
from pathlib import Path

_FILE = "cost-of-start"


def note_cost(home: Path, pid: int) -> None:
    """Keep what a process has used of all cores until now, in the home of its session."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    (home / _FILE).write_text(str((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")))


def noted_cost(home: Path) -> float:
    """What was noted, in seconds of one core."""
    return float((home / _FILE).read_text())
