"""Runs a program of the site: a hook that is asked, or a provider that keeps a key. It ends, with all that it started.

What it prints on its standard output is its answer, and goes nowhere else; what it prints on its standard error is
dropped, for it may quote what it was asked.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence


def answer_of(
    command: Sequence[str], *, asked: bytes = b"", seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Run it once; returns its exit code and what it printed.

    Args:
        command: The program and its arguments.
        asked: What it may read on its standard input.
        seconds: How long it may take.
        environment: Of it; None for ours.

    Raises:
        OSError: it cannot be run.
        ValueError: an argument of it cannot be one.
        subprocess.TimeoutExpired: it took too long. Holds what it had printed.
    """
    program = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    with program:
        try:
            said, _ = program.communicate(asked, seconds)
        finally:
            with contextlib.suppress(OSError):  # whatever it started goes with it, and would keep its output open
                os.killpg(program.pid, signal.SIGKILL)
    return program.returncode, said
