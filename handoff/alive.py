"""Which services of a home are alive: each start has a name, and the lock of a file that ends with its process.

So what a killed service had in hand is known to be nobody's at once, by the next service of its home. Of a service of
another home nothing can be known here.
"""

import fcntl
import os
import secrets
from pathlib import Path

from handoff.handoffs.hold import place_of
from handoff.home import ResearchHome

_FOLDER = "services"


class Alive:
    """One start of a service. Its name goes with whatever it takes in hand."""

    def __init__(self, home: ResearchHome) -> None:
        self._place = place_of(home)
        self._folder = home.root / _FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for file in self._folder.iterdir():
            if _is_free(file):
                file.unlink(missing_ok=True)
        self._start = secrets.token_hex(8)
        # Complete before it has its name, or another start could take it for a dead one's.
        begun = self._folder / f".{self._start}"
        self._lock = os.open(begun, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        begun.rename(self._folder / self._start)
        self.name = f"{self._place}:{self._start}"

    def is_dead(self, name: str) -> bool:
        """Whether the service of this name is known to have ended."""
        place, _, start = name.partition(":")
        if place != self._place or not start or start == self._start:
            return False
        return _is_free(self._folder / Path(start).name)

    def end(self) -> None:
        """Be dead from now on."""
        os.close(self._lock)
        (self._folder / self._start).unlink(missing_ok=True)


def _is_free(file: Path) -> bool:
    """Whether no process has its lock; True for one that is gone. A file that is just being made is left alone."""
    if file.name.startswith("."):
        return False
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
