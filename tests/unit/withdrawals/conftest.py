"""A handoff without its service."""

import pytest

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from tests.unit.withdrawals.desk import Desk


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A database with the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("template") / "handoff.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    with database.writer.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
        connection.exec_driver_sql("BEGIN")
    database.close()
    return file


@pytest.fixture
def desk(tmp_path, template):
    desk = Desk(tmp_path, template)
    yield desk
    desk.close()
