"""Waiting for other processes, whose events cannot be waited for from here."""

import time
from collections.abc import Callable


def wait_for(
    condition: Callable[[], object],
    seconds: float = 60.0,
    complaint: Callable[[], str] = lambda: "it did not happen in time",
) -> None:
    """Poll until `condition` holds; fail with the complaint when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.05)
