"""Sessions: one kind that reads, one that writes and commits at its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.orm import Session

from handoff.database.dialect import connect, is_postgresql
from handoff.database.together import Together

T = TypeVar("T")


class Database:
    """Gives sessions. Objects stay usable after the session ended."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self.reader, self.writer = connect(url, password)
        self._together = Together(self.write)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for one consistent look."""
        with Session(self.reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends, and rolls back when it raises."""
        with Session(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    def together(self, work: Callable[[Session], T]) -> T:
        """Do a short piece of work in a transaction that it may share with others that wait for theirs.

        On SQLite one writes at a time, and each commit waits for the disk: those who wait meanwhile are then done in
        one transaction, with one wait for all. On PostgreSQL it is `write`, which shares that wait by itself. Either
        way this returns when the work is durable, and what `work` raises undoes its own work alone and is raised here.
        The work of others may let a transaction begin anew, and `work` is called once more then.
        """
        if is_postgresql(self.writer):
            with self.write() as session:
                return work(session)
        return self._together.do(work)

    def close(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        self.writer.dispose()
