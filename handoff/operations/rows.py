"""All rows of a database as they are at one moment, and back into an empty one, of either kind and any schema.

SQLite is copied as a file by its own backup, while others write. PostgreSQL is read in one snapshot, a table after the
other, into JSON Lines. Either goes back into either, so this is also the way from the one to the other.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, inspect, select, text
from sqlalchemy.sql.elements import ColumnElement

from handoff.database.dialect import is_postgresql

SKIPPED = "alembic_version"
_AT_ONCE = 500
Row = dict[str, Any]


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database in one step: one moment of it, while its writers go on."""
    with (
        contextlib.closing(sqlite3.connect(source, timeout=60)) as live,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        # A file for itself: nothing of it is left in a log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")


def tables_of(connection: Connection) -> list[Table]:
    """The tables of a database's own schema, whatever its version; those that others refer to come first."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != SKIPPED]


def is_empty(connection: Connection) -> bool:
    """Whether nobody has made a table here."""
    return not inspect(connection).get_table_names()


def counts(connection: Connection) -> dict[str, int]:
    """Rows by table."""
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables_of(connection)
    }


def export(connection: Connection, folder: Path) -> None:
    """Write each table as JSON Lines; one moment of all where the connection sees one snapshot."""
    folder.mkdir()
    for table in tables_of(connection):
        with (folder / f"{table.name}.jsonl").open("x", encoding="utf-8") as stream:
            for row in read(connection, table):
                stream.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")


def read(connection: Connection, table: Table) -> Iterator[Row]:
    """Rows of a table; those that refer to others of the same table after all that do not."""
    found = connection.execution_options(yield_per=_AT_ONCE).execute(select(table).order_by(*_order(table)))
    for row in found.mappings():
        yield dict(row)


def lines(folder: Path, table: Table) -> Iterator[Row]:
    """Rows of a table as `export` wrote them; none where an older version had no such table."""
    file = folder / f"{table.name}.jsonl"
    if file.exists():
        with file.open(encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)


def pour(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Insert rows as they are, their numbers too."""
    waiting: list[Row] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) >= _AT_ONCE:
            connection.execute(table.insert(), waiting)
            waiting = []
    if waiting:
        connection.execute(table.insert(), waiting)


def go_on_numbering(connection: Connection, table: Table) -> None:
    """Let PostgreSQL give the next row the number after the last; SQLite does so by itself."""
    keys = list(table.primary_key.columns)
    if not is_postgresql(connection) or len(keys) != 1 or keys[0].type.python_type is not int:
        return
    name = connection.scalar(
        text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": keys[0].name}
    )
    last = connection.scalar(select(func.max(keys[0])))
    if name is not None and last is not None:
        connection.execute(text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": name, "last": last})


def _order(table: Table) -> list[ColumnElement[Any]]:
    own = [column for column in table.columns if any(key.column.table is table for key in column.foreign_keys)]
    return [*(column.is_not(None) for column in own), *table.primary_key.columns]
