"""Be the only one who does something, among all processes that share the database, for longer than a transaction.

On SQLite by the lock of a file beside the database, on PostgreSQL by an advisory lock of a connection that is kept for
it, outside of the pool. Both end with the process, however it ends.
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.dialect import is_postgresql, lock_number
from handoff.database.engine import Database
from handoff.errors import BusyError
from handoff.file_lock import FileLock

_LOOK_SECONDS = 0.05
_FILES = 64


class Held(Protocol):
    """A lock that is held."""

    def held(self) -> bool:
        """Whether it still is."""

    def release(self) -> None:
        """Let others have it."""


def take_alone(database: Database, name: str, file: str) -> Held | None:
    """Take a lock if nobody has it.

    Args:
        database: the one that is shared.
        name: what is locked, on PostgreSQL.
        file: the name of the file that is locked on SQLite.
    """
    if is_postgresql(database.writer):
        return _Advisory.take(database, name)
    return FileLock.take(Path(database.writer.url.database or "").parent / file)


@contextlib.contextmanager
def alone(database: Database, what: str, identifier: str, patience_seconds: float) -> Iterator[None]:
    """Be alone with one of many things while the block runs.

    Raises:
        BusyError: somebody else is, for longer than that.
    """
    name = f"{what}/{identifier}"
    file = f"{what}-{lock_number(name) % _FILES}.lock"  # some share one, so that their number is bounded
    deadline = time.monotonic() + patience_seconds
    while (lock := take_alone(database, name, file)) is None:
        if time.monotonic() >= deadline:
            message = f"Somebody else is at work on this {what}."
            raise BusyError(message)
        time.sleep(_LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()


class _Advisory:
    """On PostgreSQL: a session's lock, which ends with its connection."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self._number = number

    @classmethod
    def take(cls, database: Database, name: str) -> "_Advisory | None":
        connection = database.writer.connect().execution_options(isolation_level="AUTOCOMMIT")
        number = lock_number(name)
        try:
            if connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": number}):
                connection.detach()  # it may be kept for long, and never comes back to the pool with the lock
                return cls(connection, number)
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def held(self) -> bool:
        try:
            return bool(self._connection.scalar(text("SELECT 1")))
        except SQLAlchemyError:
            return False

    def release(self) -> None:
        with contextlib.suppress(SQLAlchemyError):
            self._connection.scalar(text("SELECT pg_advisory_unlock(:lock)"), {"lock": self._number})
        with contextlib.suppress(SQLAlchemyError):
            self._connection.close()
