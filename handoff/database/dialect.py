"""The only place that knows which database it is."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from handoff.errors import StartError


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file, whatever letters its path has."""
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def connect(url: str) -> tuple[Engine, Engine]:
    """An engine for transactions that only read, and one for those that write.

    On SQLite a writer begins with BEGIN IMMEDIATE: a transaction that reads first and writes later would otherwise
    fail at the upgrade of its lock, whatever the busy timeout. On PostgreSQL both are the same engine.

    Raises:
        StartError: the URL is none, or its driver is not installed; the URL is not repeated, it may hold a password.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() != "sqlite":
            engine = create_engine(address, pool_pre_ping=True, hide_parameters=True)
            return engine, engine
    except ImportError as error:
        message = f"The driver {error.name} of the database_url is not installed."
        raise StartError(message, code="database-url", remedy="Install it, or leave database_url out.") from error
    except (SQLAlchemyError, ValueError) as error:
        message = "The database_url cannot be read."
        raise StartError(message, code="database-url", remedy="Write it as SQLAlchemy does.") from error
    return _sqlite(address, "BEGIN"), _sqlite(address, "BEGIN IMMEDIATE")


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
