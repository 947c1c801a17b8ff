"""Put a ledger that is damaged aside, so that a new one can be made from the landing; nothing of it is deleted."""

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

_FILES: Final = ("", "-wal", "-shm")
"""What SQLite makes of one database; a log that is left beside another database would be taken for its own."""


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong in the whole file; what does not exist is sound."""
    if not path.exists():
        return True
    try:
        with closing(sqlite3.connect(path, timeout=5.0)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError:
        return True  # somebody else has it, or it may not be read: whoever opens it says so better
    except sqlite3.DatabaseError:
        return False
    return found is not None and found[0] == "ok"


def set_aside(path: Path) -> Path:
    """Give a ledger and its log another name, beside the old one; returns it.

    Raises:
        OSError: the folder cannot be written.
    """
    for number in itertools.count(1):
        target = path.with_name(f"{path.name}.damaged-{number}")
        if not target.exists():
            break
    for suffix in _FILES:
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(target.with_name(target.name + suffix))
    return target
