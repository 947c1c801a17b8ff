"""Which errors of SQLite a later attempt may cure, and which stand until a person sees to the ledger."""

import sqlite3
from typing import Final, Literal

Cure = Literal["time", "person", "none"]

_PERSON: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,  # a table or a column is missing: another file lies there
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_NOTADB,
    }
)
_NONE: Final = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
        sqlite3.SQLITE_TOOBIG,
    }
)


_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def is_damage(error: BaseException) -> bool:
    """Whether a database's file is damaged, or is none."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def cure_of(error: BaseException) -> Cure:
    """What may help whoever met an error while writing.

    Returns:
        `time`: it is busy, full, or its disk fails; the same may succeed later. `person`: nothing can be written before
        somebody has mended the ledger. `none`: this entry can never be written, and others can.
    """
    if isinstance(error, OSError):
        return "time"
    if not isinstance(error, sqlite3.Error):
        return "none"
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # of the module itself: a programming error, unless it is no more than an error
        is_ours = isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError)
        return "none" if is_ours or isinstance(error, sqlite3.IntegrityError) else "time"
    primary = code & 0xFF
    if primary in _PERSON:
        return "person"
    return "none" if primary in _NONE else "time"
