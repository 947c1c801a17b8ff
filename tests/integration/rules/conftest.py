"""Sites of two databases, on the real server; what a hospital with two replicas has."""

import pytest

from handoff.database.engine import Database
from tests.integration.handoff.backings import migrated, with_database
from tests.peers.postgresql import Postgresql
from tests.unit.rules.site import Site


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    server = Postgresql(tmp_path_factory.mktemp("postgresql") / "server").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def template(postgresql):
    return migrated(postgresql)


@pytest.fixture
def site(tmp_path, postgresql, template):
    """A function: rules to a site on a PostgreSQL database of its own."""
    opened = []

    def make(**rules) -> Site:
        opened.append(Database(with_database(postgresql, template)["database_url"]))
        return Site(tmp_path, opened[-1], rules)

    yield make
    for database in opened:
        database.close()
