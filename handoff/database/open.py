"""The database of a site's settings, waited for where it is another server."""

import time

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.errors import StartError
from handoff.home import ResearchHome
from handoff.settings import Settings

log = structlog.get_logger("handoff.database")
_PAUSE_SECONDS = 1.0


def open_database(settings: Settings, home: ResearchHome) -> Database:
    """The database; one that does not answer yet is waited for, as servers start in any order.

    Raises:
        StartError: the URL or the password's file cannot be used, or the database does not answer in time.
    """
    if settings.database_url is None:
        return Database(sqlite_url(home.database))
    database = Database(settings.database_url, _password(settings))
    deadline = time.monotonic() + settings.database_wait_seconds
    while (problem := _problem(database)) is not None:
        if time.monotonic() > deadline:
            database.close()
            raise StartError(
                f"The database does not answer ({problem}).",
                code="database",
                remedy="Start it, or mend database_url, its user, password or TLS; then start again.",
            )
        log.warning("waiting-for-database", cause=problem)
        time.sleep(_PAUSE_SECONDS)
    return database


def _problem(database: Database) -> str | None:
    """What keeps us from it, as a code; None when it answers."""
    try:
        with database.reader.connect() as connection:
            connection.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:  # TLS that fails is no error of the database to SQLAlchemy
        return str(getattr(error, "orig", None) or type(error).__name__)
    return None


def _password(settings: Settings) -> str | None:
    file = settings.database_password_file
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = "The database_password_file cannot be read."
        raise StartError(message, code="database-url", remedy="Mend its path or its rights.") from error
