"""Short writes of many threads in one transaction: whoever gets the turn does the work of all who wait.

1. Each puts its work into the line and waits for the turn.
2. Who gets it takes the whole line, does each piece, commits once, and tells each.
3. Who was told so while waiting for the turn has nothing left to do.
4. A piece that raises before it wrote anything undoes nothing. One that wrote undoes the whole transaction, and all is
   done once more with a savepoint for each: these are dear, and hardly ever needed.
5. An error of the database itself, as of a full disk, ends the transaction for all in it, and all are told: SQLite may
   have taken back what was done before it, and would then commit nothing without a word.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar, cast

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

T = TypeVar("T")
_MOST = 64
"""Pieces of work in one transaction, which keeps it short."""


class _WroteError(Exception):
    """A piece raised after it had written something."""


@contextmanager
def _undo_nothing(session: Session) -> Iterator[None]:
    """Let pass what is raised before anything was written.

    Raises:
        _WroteError: something was, or the database refused to write it.
    """
    rows = cast("sqlite3.Connection", session.connection().connection.driver_connection)
    before = rows.total_changes
    try:
        yield
    except Exception as error:
        if _is_fatal(error):
            raise
        unwritten = session.new or session.dirty or session.deleted
        if isinstance(error, SQLAlchemyError) or rows.total_changes != before or unwritten:
            raise _WroteError from error
        raise


def _is_fatal(error: Exception) -> bool:
    """Whether the transaction may be over, for all in it."""
    return isinstance(error, SQLAlchemyError) and not isinstance(error, IntegrityError | DataError)


class _Piece(Generic[T]):
    """A piece of work, and what came of it."""

    __slots__ = ("_result", "done", "error", "work")

    def __init__(self, work: Callable[[Session], T]) -> None:
        self.work = work
        self.done = False
        self.error: BaseException | None = None
        self._result: list[T] = []

    def attempt(self, session: Session, nest: Callable[[Session], AbstractContextManager[object]]) -> None:
        """Do it; what it raises is raised where it came from.

        Args:
            session: of the transaction.
            nest: what undoes it alone.

        Raises:
            _WroteError: `nest` could not.
            SQLAlchemyError: the transaction may be over, for all in it.
        """
        self.error = None
        try:
            with nest(session):
                self._result = [self.work(session)]
                session.flush()
        except _WroteError:
            raise
        except Exception as error:
            self.error = error
            if _is_fatal(error):
                raise  # (5)

    def complete(self, session: Session) -> None:
        """Do it as the only one of its transaction, which ends with what it raises."""
        self._result = [self.work(session)]

    def outcome(self) -> T:
        """What it returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self._result[0]


class Together:
    """The line of one database."""

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._line: deque[_Piece[object]] = deque()
        self._turn = threading.Lock()

    def do(self, work: Callable[[Session], T]) -> T:
        """Return what the work returns, once it is durable."""
        piece = _Piece(work)
        self._line.append(piece)  # type: ignore[arg-type]
        while not piece.done:
            with self._turn:
                if not piece.done:
                    self._go()
        return piece.outcome()

    def _go(self) -> None:
        taken = [self._line.popleft() for _ in range(min(len(self._line), _MOST))]
        try:
            try:
                self._do(taken, _undo_nothing)
            except _WroteError:
                self._do(taken, Session.begin_nested)  # (4)
        except BaseException as error:
            for piece in taken:
                piece.error = piece.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for piece in taken:
                piece.done = True

    def _do(self, taken: Sequence[_Piece[object]], nest: Callable[[Session], AbstractContextManager[object]]) -> None:
        with self._write() as session:
            if len(taken) == 1:
                taken[0].complete(session)
                return
            for piece in taken:
                piece.attempt(session, nest)
