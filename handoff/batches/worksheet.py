"""Where a batch is worked out: a file of lines, and a small database of what must be sorted, counted and compared.

Both are temporary and on disk, so that a batch of a million instances needs no more memory than one of a hundred.
"""

import fcntl
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

_BLOCK = 1 << 20
_PREFIX = "batch-"
_YOUNG_SECONDS = 60.0
_TABLES = """
CREATE TABLE instance (
    id INTEGER PRIMARY KEY, digest TEXT, sop TEXT, series TEXT, annotation INTEGER, test INTEGER, refers_to TEXT
);
CREATE TABLE reference (id INTEGER, sop TEXT, PRIMARY KEY (id, sop)) WITHOUT ROWID;
CREATE TABLE label (said TEXT);
CREATE TABLE member (kind TEXT, id TEXT, facts TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
_PAGES_OF_KIB = 8192
"""What SQLite may hold in memory, KiB."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What the worksheet keeps of an instance."""

    id: int
    digest: str
    sop: str
    series: str
    annotation: bool
    test: bool
    references: list[str]


class Worksheet:
    """One batch in the making. Locked while it is in use, so that a start-up can tell a dead one from a live one."""

    def __init__(self, folder: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder)
        root = Path(self._folder.name)
        self._files: dict[str, IO[bytes]] = {name: (root / name).open("w+b") for name in ("instances", "labels")}
        fcntl.flock(self._files["instances"], fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._database = sqlite3.connect(root / "sheet.db", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_PAGES_OF_KIB}", "temp_store=FILE"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._database.close()
        for file in self._files.values():
            file.close()
        self._folder.cleanup()

    def add_instances(self, noted: Iterable[Noted], lines: Iterable[bytes]) -> None:
        """Take some instances and their lines, in the order of the file."""
        rows = list(noted)
        self._files["instances"].writelines(lines)
        self._database.executemany(
            "INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (row.id, row.digest, row.sop, row.series, row.annotation, row.test, json.dumps(sorted(row.references)))
                if row.annotation
                else (row.id, row.digest, row.sop, row.series, False, row.test, None)
                for row in rows
            ),
        )
        pairs = ((row.id, sop) for row in rows if row.annotation for sop in set(row.references))
        self._database.executemany("INSERT INTO reference VALUES (?, ?)", pairs)

    def add_label(self, said: str, line: bytes) -> None:
        """Take a label."""
        self._files["labels"].write(line)
        self._database.execute("INSERT INTO label VALUES (?)", (said,))

    def add_member(self, kind: str, identifier: str, facts: Any = None) -> None:
        """Take something that the batch is made of, once: a shipment, a study, a label document, a treatment."""
        self._database.execute(
            "INSERT OR IGNORE INTO member VALUES (?, ?, ?)", (kind, identifier, json.dumps(facts, sort_keys=True))
        )

    def members(self, kind: str) -> Iterator[tuple[str, Any]]:
        """What was taken of a kind, sorted."""
        chosen = "SELECT id, facts FROM member WHERE kind = ? ORDER BY id"
        return ((identifier, json.loads(facts)) for identifier, facts in self._rows(chosen, kind))

    def ids(self) -> Iterator[int]:
        """Row numbers of the instances."""
        return (row[0] for row in self._rows("SELECT id FROM instance ORDER BY id"))

    def digests(self) -> Iterator[str]:
        """Digests of the instances, sorted."""
        return (row[0] for row in self._rows("SELECT digest FROM instance ORDER BY digest"))

    def annotations(self) -> Iterator[list[str | list[str]]]:
        """Digest and sorted references of the annotations, sorted as Python sorts them."""
        rows = self._rows("SELECT digest, refers_to FROM instance WHERE annotation ORDER BY digest")
        same: list[list[str | list[str]]] = []
        for digest, refers_to in rows:
            if same and same[0][0] != digest:
                yield from sorted(same, key=_plain)
                same = []
            same.append([digest, json.loads(refers_to)])
        yield from sorted(same, key=_plain)

    def labels(self) -> Iterator[str]:
        """Labels as they are digested, sorted by code points, as Python sorts them and SQLite compares UTF-8."""
        return (row[0] for row in self._rows("SELECT said FROM label ORDER BY said"))

    def blocks(self) -> Iterator[bytes]:
        """The lines: instances, then labels."""
        for file in self._files.values():
            file.seek(0)
            while block := file.read(_BLOCK):
                yield block

    def index(self) -> None:
        """Make ready for questions by UID; cheaper once than with each instance."""
        self._database.execute("CREATE INDEX by_sop ON instance (sop)")

    def count(self, question: str, *values: object) -> int:
        """The one number that a question is answered with."""
        return int(self._database.execute(question, values).fetchone()[0])

    def _rows(self, question: str, *values: object) -> Iterator[Any]:
        cursor = self._database.execute(question, values)
        while some := cursor.fetchmany(1000):
            yield from some


def _plain(annotation: list[str | list[str]]) -> tuple[str, tuple[str, ...]]:
    return str(annotation[0]), tuple(annotation[1])


def sweep_worksheets(folder: Path) -> int:
    """Remove what killed services left of worksheets; returns how many."""
    removed = 0
    for left in folder.glob(f"{_PREFIX}*"):
        lines = left / "instances"
        if not lines.exists():
            dead = left.stat().st_mtime < time.time() - _YOUNG_SECONDS
        else:
            with lines.open("rb") as stream:
                dead = _lock(stream)
        if dead:
            shutil.rmtree(left, ignore_errors=True)
            removed += 1
    return removed


def _lock(stream: IO[bytes]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
