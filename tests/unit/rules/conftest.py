"""A site of each test's own."""

import shutil

import pytest
from sqlalchemy import event

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from tests.unit.rules.site import Site


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A database with the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("rules") / "handoff.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    database.close()
    return file


@pytest.fixture
def site(tmp_path, migrated):
    """A function: rules to a site."""
    opened = []

    def make(**rules) -> Site:
        home = tmp_path / f"home{len(opened)}"
        home.mkdir()
        shutil.copy(migrated, home / "handoff.db")
        opened.append(Database(f"sqlite:///{home}/handoff.db"))
        event.listen(opened[-1].writer, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        return Site(home, opened[-1], rules)

    yield make
    for database in opened:
        database.close()
