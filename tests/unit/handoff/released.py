"""Databases as released versions left them: every table with rows, whatever a later version makes of it."""

from typing import Any

from alembic import command
from sqlalchemy import JSON, Boolean, Column, Connection, Float, Integer, MetaData, Table, select

from handoff.database.engine import Database
from handoff.database.migrate import configuration

RELEASED = ("0001", "0002")
ROWS = 3
_CHOSEN: dict[tuple[str, str], tuple[Any, ...]] = {
    ("handoffs", "state"): ("SUCCEEDED", "RUNNING", "ACCEPTED"),
    ("handoffs", "kind"): ("prepare", "train", "infer"),
    ("studies", "state"): ("open", "complete", "complete"),
    ("tokens", "scope"): ("intake", "api", "api"),
    ("result_files", "role"): ("model", "segmentation", "other"),
}
"""Columns whose words mean something to a migration."""

Content = dict[str, list[dict[str, Any]]]


def released(database: Database, revision: str) -> Content:
    """Make the schema of a released version and fill every table; returns the rows by table."""
    config = configuration()
    with database.writer.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for table in tables(connection):
            connection.execute(table.insert(), [_row(connection, table, number) for number in range(ROWS)])
        return content(connection)


def tables(connection: Connection) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def content(connection: Connection) -> Content:
    """Every row of every table, by primary key."""
    return {
        table.name: [
            dict(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
        ]
        for table in tables(connection)
    }


def _row(connection: Connection, table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(connection, table, column, number) for column in table.columns}


def _value(connection: Connection, table: Table, column: Column[Any], number: int) -> Any:
    if (table.name, column.name) in _CHOSEN:
        return _CHOSEN[table.name, column.name][number]
    for key in column.foreign_keys:
        if key.column.table is table:
            return None
        return connection.scalars(select(key.column).order_by(key.column)).all()[number]
    kind = column.type
    if isinstance(kind, JSON):
        return [f"1.2.{number}"] if column.name == "refers_to" else {"number": number, "name": "ä"}
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Float):
        return 1.7e9 + number + 0.25
    if isinstance(kind, Integer):
        return number + 1
    return f"{number}{column.name}"[: getattr(kind, "length", None) or 64]
