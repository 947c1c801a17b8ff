"""The server's own database. Names compare as in MySQL; `workflows` is the cluster's side and no part of the API."""

import sqlite3
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS experiments (
  experiment_id TEXT PRIMARY KEY, namespace TEXT NOT NULL, display_name TEXT NOT NULL COLLATE MYSQL,
  description TEXT NOT NULL, created_at INTEGER NOT NULL, storage_state TEXT NOT NULL DEFAULT 'AVAILABLE',
  last_run_created_at INTEGER NOT NULL DEFAULT 0, UNIQUE (namespace, display_name));
CREATE TABLE IF NOT EXISTS pipelines (
  pipeline_id TEXT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL COLLATE MYSQL, display_name TEXT NOT NULL,
  description TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE (namespace, name));
CREATE TABLE IF NOT EXISTS pipeline_versions (
  pipeline_version_id TEXT PRIMARY KEY, pipeline_id TEXT NOT NULL, name TEXT NOT NULL COLLATE MYSQL,
  display_name TEXT NOT NULL, description TEXT NOT NULL, created_at INTEGER NOT NULL, spec TEXT NOT NULL,
  UNIQUE (pipeline_id, name));
CREATE TABLE IF NOT EXISTS recurring_runs (
  recurring_run_id TEXT PRIMARY KEY, experiment_id TEXT NOT NULL, display_name TEXT NOT NULL COLLATE MYSQL,
  mode TEXT NOT NULL, created_at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
  run_id TEXT PRIMARY KEY, experiment_id TEXT NOT NULL, namespace TEXT NOT NULL, recurring_run_id TEXT,
  display_name TEXT NOT NULL COLLATE MYSQL, description TEXT NOT NULL, storage_state TEXT NOT NULL,
  service_account TEXT NOT NULL, created_at INTEGER NOT NULL, scheduled_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL, state TEXT NOT NULL, state_history TEXT NOT NULL, pipeline_id TEXT,
  pipeline_version_id TEXT, pipeline_spec TEXT, parameters TEXT NOT NULL, pipeline_root TEXT NOT NULL,
  workflow TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS workflows (
  name TEXT PRIMARY KEY, run_id TEXT NOT NULL, display_name TEXT NOT NULL, phase TEXT NOT NULL, next_at REAL,
  created_at REAL NOT NULL, spec TEXT NOT NULL, parameters TEXT NOT NULL, collected INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS workflows_due ON workflows (next_at);
CREATE INDEX IF NOT EXISTS runs_name ON runs (display_name);
"""


def fold(text: str) -> str:
    """A name without case, accents and trailing blanks: all that utf8_general_ci sees of it."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return bare.casefold().rstrip(" ")


def storable(text: str) -> bool:
    """Whether a varchar(255) of MySQL's three-byte utf8 takes it."""
    return len(text) <= 255 and all(ord(letter) <= 0xFFFF for letter in text)


def connect(file: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the database; any thread may use the connection, one at a time."""
    mode = "ro" if read_only else "rwc"
    connection = sqlite3.connect(
        f"file:{file}?mode={mode}", uri=True, check_same_thread=False, isolation_level=None, timeout=30
    )
    connection.row_factory = sqlite3.Row
    connection.create_collation("MYSQL", lambda one, two: (fold(one) > fold(two)) - (fold(one) < fold(two)))
    connection.create_function("fold", 1, lambda value: fold(value) if isinstance(value, str) else value)
    return connection


class Database:
    """One connection, one transaction at a time."""

    def __init__(self, file: Path) -> None:
        self._connection = connect(file)
        self._lock = threading.RLock()
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Committed at its end, or undone."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """What a query finds."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first that a query finds."""
        found = self.rows(query, *values)
        return found[0] if found else None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()
