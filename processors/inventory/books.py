"""What was seen of each package, kept in `inventory.db` of the trusted home: packages leave the landing, this stays."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from processors.inventory.errors import InventoryUnreadableError
from processors.inventory.likeness import NAMES, Likeness
from processors.inventory.text import Values
from processors.private_file import make_private

FEW: Final = 5
"""Up to how many patients who share a value are counted."""
_VERSION: Final = 1
_TABLES: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS packages (
    project TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (project, sha256)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS value_counts (
    project TEXT NOT NULL, tag INTEGER NOT NULL, value TEXT NOT NULL, count INTEGER NOT NULL, approved_at REAL,
    PRIMARY KEY (project, tag, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holders (
    project TEXT NOT NULL, tag INTEGER NOT NULL, value TEXT NOT NULL, patient TEXT NOT NULL,
    PRIMARY KEY (project, tag, value, patient)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS likenesses (
    project TEXT NOT NULL, patient TEXT NOT NULL, {", ".join(f"{name} TEXT NOT NULL" for name in NAMES)},
    PRIMARY KEY (project, patient, {", ".join(NAMES)})
) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class Seen(NamedTuple):
    """One value of one attribute."""

    tag: int
    value: str
    times: int
    """How often it left, in all packages."""
    patients: int
    """Of how many patients, counted up to `FEW`."""
    approved: bool


class Books:
    """The inventory of a trusted home."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it (0600).

        Raises:
            InventoryUnreadableError: it cannot be opened or is no inventory.
        """
        try:
            make_private(path)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise InventoryUnreadableError(f"{path} has version {version}, this Sluice knows {_VERSION}.")
            if not version:
                self._connection.executescript(_TABLES)
        except (OSError, sqlite3.DatabaseError) as error:
            raise InventoryUnreadableError(f"The inventory {path} cannot be opened.") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def knows(self, project: str, sha256: str) -> bool:
        """Whether a package was looked at."""
        found = self._connection.execute(
            "SELECT 1 FROM packages WHERE project = ? AND sha256 = ?", (project, sha256)
        ).fetchone()
        return found is not None

    def enter(self, project: str, sha256: str, patient: str, values: Values, likenesses: Iterable[Likeness]) -> None:
        """Enter one package, whole or not at all."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO packages VALUES (?, ?)", (project, sha256))
            connection.executemany(
                "INSERT INTO value_counts VALUES (?, ?, ?, ?, NULL)"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                [(project, tag, value, count) for (tag, value), count in values.items()],
            )
            connection.executemany(
                "INSERT OR IGNORE INTO holders SELECT ?1, ?2, ?3, ?4"
                " WHERE (SELECT count(*) FROM holders WHERE project = ?1 AND tag = ?2 AND value = ?3) < ?5",
                [(project, tag, value, patient, FEW) for tag, value in values],
            )
            marks = ", ".join("?" * (2 + len(NAMES)))
            connection.executemany(
                f"INSERT OR IGNORE INTO likenesses VALUES ({marks})",  # noqa: S608
                [(project, patient, *each.row) for each in likenesses],
            )

    def values(self, project: str) -> list[Seen]:
        """Every value of a project, by attribute, the most frequent first."""
        rows = self._connection.execute(
            "SELECT tag, value, count, (SELECT count(*) FROM holders h WHERE h.project = v.project AND h.tag = v.tag"
            " AND h.value = v.value), approved_at IS NOT NULL FROM value_counts v WHERE project = ?"
            " ORDER BY tag, count DESC, value",
            (project,),
        )
        return [Seen(tag, value, count, patients, bool(approved)) for tag, value, count, patients, approved in rows]

    def approve(self, project: str, seen: Iterable[Seen], at: float) -> None:
        """Keep that a person saw these values and lets them leave."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE value_counts SET approved_at = ? WHERE project = ? AND tag = ? AND value = ?",
                [(at, project, each.tag, each.value) for each in seen],
            )

    def projects(self) -> list[str]:
        """Whose packages were looked at."""
        rows = self._connection.execute("SELECT DISTINCT project FROM packages ORDER BY project")
        return [row[0] for row in rows]

    def forget(self, project: str, patients: Iterable[str]) -> int:
        """Remove whose a value was and whom somebody is like, of these pseudonyms; returns how many rows that were."""
        named = [(project, patient) for patient in patients]
        with self._transaction() as connection:
            before = connection.total_changes
            for table in ("holders", "likenesses"):
                connection.executemany(f"DELETE FROM {table} WHERE project = ? AND patient = ?", named)  # noqa: S608
            return connection.total_changes - before

    def likenesses(self, project: str) -> list[tuple[str, Likeness]]:
        """Every (patient, likeness) of a project."""
        rows = self._connection.execute(
            f"SELECT patient, {', '.join(NAMES)} FROM likenesses WHERE project = ?",  # noqa: S608
            (project,),
        )
        return [(row[0], Likeness(*row[1:])) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
