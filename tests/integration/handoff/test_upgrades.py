"""PostgreSQL as released versions left it: after the upgrade every value is there."""

import pytest

from handoff.database.engine import Database
from handoff.database.migrate import require_current, upgrade
from tests.unit.handoff.released import RELEASED, content, released
from tests.unit.handoff.test_migrations import assert_kept

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("revision", RELEASED)
def test_every_value_of_a_released_version_is_there_after_the_upgrade(postgresql, revision):
    database = Database(postgresql.url(postgresql.database()))
    try:
        before = released(database, revision)
        upgrade(database)
        require_current(database)
        with database.reader.connect() as connection:
            assert_kept(before, content(connection))
    finally:
        database.close()
