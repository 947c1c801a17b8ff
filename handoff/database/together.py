"""Short writes of many threads in one transaction: whoever gets the turn does the work of all who wait.

1. Each puts its work into the line and waits for the turn.
2. Who gets it takes the whole line, does each piece in a savepoint, commits once, and tells each. A single piece needs
   no savepoint.
3. Who was told so while waiting for the turn has nothing left to do.
4. An error of the database itself, as of a full disk, ends the transaction for all in it, and all are told: SQLite may
   have taken back what was done before it, and would then commit nothing without a word.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

T = TypeVar("T")
_MOST = 64
"""Pieces of work in one transaction, which keeps it short."""


class _Piece(Generic[T]):
    """A piece of work, and what came of it."""

    __slots__ = ("_result", "done", "error", "work")

    def __init__(self, work: Callable[[Session], T]) -> None:
        self.work = work
        self.done = False
        self.error: BaseException | None = None
        self._result: list[T] = []

    def attempt(self, session: Session) -> None:
        """Do it; what it raises undoes it alone.

        Raises:
            SQLAlchemyError: the transaction may be over, for all in it.
        """
        try:
            with session.begin_nested():
                self._result = [self.work(session)]
        except Exception as error:
            self.error = error  # raised where the work came from
            if isinstance(error, SQLAlchemyError) and not isinstance(error, IntegrityError | DataError):
                raise  # (4)

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
            with self._write() as session:
                if len(taken) == 1:
                    taken[0].complete(session)
                else:
                    for piece in taken:
                        piece.attempt(session)
        except BaseException as error:
            for piece in taken:
                piece.error = piece.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for piece in taken:
                piece.done = True
