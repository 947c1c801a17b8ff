"""Make the file of a database before SQLite does, so that nobody but its owner can read it."""

import contextlib
import os
import threading
from pathlib import Path
from typing import Final

_MAKING: Final = threading.Lock()


def make_private(path: Path) -> None:
    """Make an empty file (0600) if there is none.

    One that is there is not even opened: closing any descriptor of a file drops every lock that this process has on it
    (POSIX), those of SQLite too. Another process would then delete the write-ahead log that we go on writing to.

    Raises:
        OSError: there is none, and it cannot be made.
    """
    with _MAKING, contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
