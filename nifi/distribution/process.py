"""Start, recognise and end a process group of our own.

A pid alone names nobody: it is used again once its process is gone. So a process is known by its pid together with
when it started.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nifi.errors import StopError

_POLL_SECONDS = 0.05


def spawn(command: Sequence[str], folder: Path, environment: Mapping[str, str], output: Path) -> int:
    """Start `command` in `folder`, in a session and process group of its own; return its pid, which is the group's."""
    # sh only changes the folder: exec gives its pid to the command.
    argv = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(argv[0], argv, dict(environment), file_actions=actions, setsid=True)


def birth(pid: int) -> str | None:
    """When the process started, as an opaque text; None when there is no such living process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child of ours that ended would stay as a zombie
    if Path("/proc/self/stat").exists():
        fields = _stat(pid)
        return None if fields is None or fields[0] == "Z" else fields[19]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def members(group: int) -> list[int]:
    """The pids of a process group, without zombies (Linux; elsewhere at most the leader)."""
    if not Path("/proc/self/stat").exists():
        return [group] if birth(group) else []
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields is not None and fields[0] != "Z" and fields[2] == str(group):
                found.append(int(entry.name))
    return found


def end_group(leader: int, patience_seconds: float) -> None:
    """End a process group: SIGTERM to its leader, which ends its children; then SIGKILL to all that is left.

    Raises:
        StopError: something is still there 10 s after SIGKILL.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(leader, signal.SIGTERM)
    _wait(lambda: birth(leader) is None, patience_seconds)
    # What the leader left behind reads from pipes that are closed now; it gets a moment to end by itself.
    _wait(lambda: not members(leader), 1.0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    if not _wait(lambda: birth(leader) is None and not members(leader), 10.0):
        message = f"Processes {members(leader)} of the group {leader} survive SIGKILL."
        raise StopError(message)


def _stat(pid: int) -> list[str] | None:
    """Fields 3 and on of proc_pid_stat(5): state, ppid, pgrp, …; field 22 is the start time in clock ticks."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
