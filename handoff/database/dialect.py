"""The only place that knows which database it is."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from handoff.database import postgres
from handoff.database.tables import Table
from handoff.errors import StartError


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file, whatever letters its path has."""
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def connect(url: str, password: str | None = None) -> tuple[Engine, Engine]:
    """An engine for transactions that only read, and one for those that write.

    On SQLite a writer begins with BEGIN IMMEDIATE: a transaction that reads first and writes later would otherwise
    fail at the upgrade of its lock, whatever the busy timeout. On PostgreSQL a reader sees one snapshot (REPEATABLE
    READ), and a writer what others committed (READ COMMITTED), with the rows locked that it decides on.

    Args:
        url: as SQLAlchemy writes it.
        password: of PostgreSQL, where the URL has none.

    Raises:
        StartError: the URL is none, or its driver is not installed; the URL is not repeated, it may hold a password.
    """
    try:
        address = make_url(url)
        match address.get_backend_name():
            case "sqlite":
                return _sqlite(address, "BEGIN"), _sqlite(address, "BEGIN IMMEDIATE")
            case "postgresql" | "postgres":
                return postgres.connect(address, password)
    except ImportError as error:
        message = f"The driver {error.name} of the database_url is not installed."
        raise StartError(message, code="database-url", remedy="Install it, or leave database_url out.") from error
    except (SQLAlchemyError, ValueError) as error:
        message = "The database_url cannot be read."
        raise StartError(message, code="database-url", remedy="Write it as SQLAlchemy does.") from error
    raise StartError(
        "The database_url is neither of SQLite nor of PostgreSQL.",
        code="database-url",
        remedy="Write postgresql://user@host/name, or leave database_url out.",
    )


def hold_until_commit(session: Session, name: str, *, shared: bool = False) -> None:
    """Let only one transaction at a time pass this point, for each name, until it ends; or any number of shared ones.

    Nothing on SQLite, where a transaction that writes is alone anyway.
    """
    if is_postgresql(session.get_bind()):
        taken = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        session.execute(text(f"SELECT {taken}(:lock)"), {"lock": lock_number(name)})


def insert_if_absent(session: Session, table: type[Table], values: Mapping[str, Any]) -> bool:
    """Insert a row, or do nothing where one with a unique key of it is there or is being committed.

    Returns:
        Whether it was inserted.
    """
    session.flush()
    statement = _if_absent(table, is_postgresql(session.get_bind()))
    return session.connection().execute(statement, values).first() is not None


def insert_absent(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """The same for many rows, in one statement."""
    if rows:
        make = postgresql.insert if is_postgresql(session.get_bind()) else sqlite.insert
        session.connection().execute(make(table).on_conflict_do_nothing(), rows)


@cache
def _if_absent(table: type[Table], for_postgresql: bool) -> ReturningInsert[Any]:
    """The statement, made once: to make it takes longer than to execute it."""
    make = postgresql.insert if for_postgresql else sqlite.insert
    rows = table.__table__
    return make(rows).on_conflict_do_nothing().returning(*rows.primary_key)


def is_postgresql(bind: Engine | Connection) -> bool:
    """Whether it is PostgreSQL."""
    return bind.dialect.name == "postgresql"


def lock_number(name: str) -> int:
    """The number of an advisory lock: 63 bits of the name's digest, apart from those of other programs."""
    return int.from_bytes(hashlib.sha256(f"sluice.lock/1\n{name}".encode()).digest()[:8], "big") >> 1


def _sqlite(url: URL, begin: str) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 5.0, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _settings(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
