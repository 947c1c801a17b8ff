"""Migrations and tables say the same."""

import threading

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from handoff.database.engine import Database
from handoff.database.migrate import configuration, require_current, upgrade
from handoff.database.tables import MirrorRow, Table, Token
from handoff.errors import StartError


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/handoff.db")
    yield database
    database.close()


def test_the_migrations_lead_to_exactly_the_tables(database):
    upgrade(database)
    with database.reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_a_mirror_learns_of_what_an_older_version_left(database):
    config = configuration()
    handoff = {"kind": "train", "project": "lungs", "batch_id": "b", "target": "local", "pipeline_id": "p"}
    handoff |= {"parameters": "{}", "attempts": 1, "cancel_asked": False, "metrics": "{}", "created_at": 1.0}
    model = {"name": "unet", "version": 1, "project": "lungs", "handoff_id": "SUCCEEDED", "spec_digest": ""}
    model |= {"path": "model/unet.pt", "metrics": "{}", "created_at": 2.0}
    with database.writer.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO batches VALUES ('b', 'lungs', '', NULL, 25, 1, 0, '{}', 0)"))
        connection.execute(text("INSERT INTO pipeline_versions VALUES ('p', 'p', '', '', '{}', 0)"))
        for state in ("ACCEPTED", "RUNNING", "SUCCEEDED"):
            fill(connection, "handoffs", {**handoff, "id": state, "key": state, "state": state})
        fill(connection, "models", {**model, "id": "unet:1"})
    upgrade(database)
    with database.read() as session:
        rows = session.scalars(select(MirrorRow).order_by(MirrorRow.id)).all()
        assert [(row.mirror, row.kind, row.subject, row.state, row.wanted) for row in rows] == [
            ("mlflow", "handoff", "RUNNING", "waiting", 1),
            ("mlflow", "handoff", "SUCCEEDED", "waiting", 1),
            ("mlflow", "model", "unet:1", "waiting", 1),
        ]


def fill(connection, table: str, values: dict[str, object]) -> None:
    """Insert a row as an older version did, which knew fewer columns."""
    names = ", ".join(values)
    connection.execute(
        text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values
    )


def test_migrating_twice_changes_nothing(database):
    upgrade(database)
    upgrade(database)
    require_current(database)


def test_a_worker_refuses_a_database_that_was_never_migrated(database):
    with pytest.raises(StartError, match="another schema"):
        require_current(database)


def test_a_write_that_raises_leaves_nothing(database):
    upgrade(database)
    with pytest.raises(IntegrityError):
        _write_the_same_twice(database)
    with database.read() as session:
        assert session.scalars(select(Token)).all() == []


def token(name: str) -> dict[str, object]:
    """A row of the tokens."""
    return {"digest": name, "id": name, "name": name, "role": "admin", "made_by": "test", "made_at": 0.0}


def _write_the_same_twice(database) -> None:
    with database.write() as session:
        for _ in range(2):
            session.execute(insert(Token).values(token("a")))


def test_two_writers_wait_for_each_other_instead_of_failing(database):
    """BEGIN IMMEDIATE: a writer that read first would else fail at its first write."""
    upgrade(database)
    failures = []

    def write(name: str) -> None:
        try:
            for number in range(20):
                with database.write() as session:
                    session.scalars(select(Token)).all()
                    session.add(Token(**token(f"{name}{number}")))
        except SQLAlchemyError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failures == []
    with database.read() as session:
        assert len(session.scalars(select(Token)).all()) == 60


@pytest.mark.parametrize("url", ["nonsense", "nosuch://u:secret@x/y", "postgresql+nodriver://u:secret@x/y"])
def test_a_database_url_that_leads_nowhere_is_an_error_with_a_remedy_and_without_its_password(url):
    with pytest.raises(StartError, match="database_url") as error:
        Database(url)
    assert error.value.remedy
    assert "secret" not in str(error.value)
