"""What a released version left is there after the upgrade, value by value; released migrations never change."""

import hashlib
from pathlib import Path

import pytest

from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.database.migrate import MIGRATIONS, require_current, upgrade
from tests.unit.handoff.released import RELEASED, ROWS, Content, content, released

FROZEN = {
    "0001_the_first_schema.py": "5e42cada6bd3371a739f7c5110bc1b330bcebbe3d26584a363a548dc1e69c1c1",
    "0002_the_edges.py": "a1cae6e5f33a902d43cf40102bbbae2111542b7bd8447fb4403d5fc4e9d2062e",
}
REMADE = frozenset({"tokens"})
"""Tables whose rows a start makes anew from files."""


@pytest.mark.parametrize("name", FROZEN)
def test_a_migration_that_was_released_never_changes(name):
    """Homes that ran it would be of another schema than those that run it now."""
    file: Path = MIGRATIONS / "versions" / name
    assert hashlib.sha256(file.read_bytes()).hexdigest() == FROZEN[name]


def assert_kept(before: Content, after: Content) -> None:
    """Every row that was there is there, and every value of it."""
    for table, rows in before.items():
        if table in REMADE:
            continue
        found = after[table]
        for row in rows:
            assert row in [{name: each[name] for name in row} for each in found], (table, row)


@pytest.mark.parametrize("revision", RELEASED)
def test_every_value_of_a_released_version_is_there_after_the_upgrade(tmp_path, revision):
    database = Database(sqlite_url(tmp_path / "handoff.db"))
    try:
        before = released(database, revision)
        assert all(len(rows) >= ROWS for rows in before.values())
        upgrade(database)
        require_current(database)
        with database.reader.connect() as connection:
            assert_kept(before, content(connection))
    finally:
        database.close()
