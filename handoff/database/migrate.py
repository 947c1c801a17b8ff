"""Bring a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from handoff.database.dialect import is_postgresql, lock_number
from handoff.database.engine import Database
from handoff.errors import StartError

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(database: Database) -> None:
    """Run the migrations that this database lacks, in one transaction; of two that start at once one waits.

    Raises:
        StartError: a newer version wrote it, or it is no database.
    """
    config = configuration()
    try:
        with database.writer.begin() as connection:
            if is_postgresql(connection):
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock_number("migrate")})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (CommandError, SQLAlchemyError) as error:
        raise StartError(
            "The database cannot be brought to this version's schema.",
            code="schema",
            remedy="Use the version that wrote it or a newer one, or restore a backup.",
        ) from error


def require_current(database: Database) -> None:
    """Refuse a database of another schema.

    Raises:
        StartError: the service that owns the database was never started, or has another version.
    """
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    with database.reader.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest:
        raise StartError(
            "The database has another schema than this version needs.",
            code="schema",
            remedy="Start `sluice handoff serve` of this version once; it migrates.",
        )
