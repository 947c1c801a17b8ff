"""Sessions: one kind that reads, one that writes and commits at its end."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from handoff.database.dialect import connect


class Database:
    """Gives sessions. Objects stay usable after the session ended."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self.reader, self.writer = connect(url, password)

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

    def close(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        self.writer.dispose()
