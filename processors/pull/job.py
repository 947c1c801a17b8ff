"""What a pull has done, durably: one small database per job in the trusted home. It names studies, so it is PHI."""

import csv
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from processors.landing.errors import LandingTakenError
from processors.landing.lock import hold
from processors.private_file import make_private
from processors.pull.errors import JobRunningError, OtherJobError
from processors.pull.fetched import Fetched
from processors.pull.query import FoundStudy

State = Literal["waiting", "asked", "fetched", "done", "failed"]

_TABLES = (
    "CREATE TABLE IF NOT EXISTS job (id INTEGER PRIMARY KEY CHECK (id = 1), digest TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS questions (number INTEGER PRIMARY KEY, found INTEGER NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS studies (
        number INTEGER PRIMARY KEY,
        study_uid TEXT NOT NULL UNIQUE,
        line INTEGER NOT NULL,                 -- of the list; 0 for a window
        expected INTEGER NOT NULL,             -- instances, by C-FIND
        state TEXT NOT NULL,                   -- waiting | asked | fetched | done | failed
        completed INTEGER NOT NULL DEFAULT 0,  -- sub-operations, as the peer counts them
        failed INTEGER NOT NULL DEFAULT 0,
        warnings INTEGER NOT NULL DEFAULT 0,
        code TEXT
    )
    """,
    "CREATE TABLE IF NOT EXISTS failed_instances (study INTEGER NOT NULL, sop_instance_uid TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True, repr=False)
class JobStudy:
    """One study of a job. PHI: it has no revealing repr."""

    number: int
    study_uid: str
    line: int
    expected: int
    state: State
    completed: int
    failed: int
    warnings: int
    code: str | None

    def __repr__(self) -> str:
        return f"JobStudy({self.number})"


class Job:
    """A job's database; each method is one transaction."""

    def __init__(self, folder: Path | None, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, folder: Path, digest: str) -> Iterator[Self]:
        """Take up a job, or begin it.

        Args:
            folder: The job's folder; made (0700) if it is not there.
            digest: Of what it asks for.

        Raises:
            OtherJobError: it was begun with other questions.
            JobRunningError: another process works on it.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with hold(folder / "job.lock", "pull"):
                make_private(folder / "job.db")
                connection = sqlite3.connect(folder / "job.db", isolation_level=None)
                try:
                    job = cls(folder, connection)
                    job._prepare(digest)
                    yield job
                finally:
                    connection.close()
        except LandingTakenError as error:
            raise JobRunningError(f"Job {folder.name} is being worked on.") from error

    @classmethod
    @contextmanager
    def passing(cls) -> Iterator[Self]:
        """A job that is forgotten at the end."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        try:
            job = cls(None, connection)
            job._prepare("")
            yield job
        finally:
            connection.close()

    def _prepare(self, digest: str) -> None:
        for statement in _TABLES:
            self._connection.execute(statement)
        row = self._connection.execute("SELECT digest FROM job").fetchone()
        if row is None:
            self._connection.execute("INSERT INTO job VALUES (1, ?)", (digest,))
        elif row[0] != digest:
            name = self.folder.name if self.folder else ""
            raise OtherJobError(f"Job {name} asks for something else.")
        if all(study.state == "done" for study in self.studies()):
            self._forget()

    def _forget(self) -> None:
        """It came to its end before: whoever starts it again wants to know what there is now."""
        for table in ("questions", "studies", "failed_instances"):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608

    def answered(self) -> dict[int, int]:
        """How many studies each question that was asked has found, by its number."""
        return dict(self._connection.execute("SELECT number, found FROM questions"))

    def answer(self, number: int, found: Sequence[FoundStudy]) -> None:
        """Keep what a question found; a study that another one found before stays that one's."""
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO questions VALUES (?, ?)", (number, len(found)))
            self._connection.executemany(
                "INSERT OR IGNORE INTO studies (study_uid, line, expected, state) VALUES (?, ?, ?, 'waiting')",
                [(study.study_uid, number, study.instances) for study in found],
            )

    def studies(self) -> list[JobStudy]:
        """All studies, in the order in which they were found."""
        rows = self._connection.execute(
            "SELECT number, study_uid, line, expected, state, completed, failed, warnings, code FROM studies"
            " ORDER BY number"
        )
        return [JobStudy(*row) for row in rows]

    def asked(self, study: JobStudy) -> None:
        """The peer is being asked for it; written before, so that a pull that is killed knows."""
        self._connection.execute(
            "UPDATE studies SET state = 'asked', completed = 0, failed = 0, warnings = 0, code = NULL WHERE number = ?",
            (study.number,),
        )

    def progressed(self, study: JobStudy, so_far: Fetched) -> None:
        """The peer has said how far it is."""
        self._connection.execute(
            "UPDATE studies SET completed = ?, failed = ?, warnings = ? WHERE number = ?",
            (so_far.completed, so_far.failed, so_far.warnings, study.number),
        )

    def fetched(self, study: JobStudy, said: Fetched) -> None:
        """The peer says that it has sent all that it can."""
        with self._transaction():
            self.progressed(study, said)
            self._connection.execute(
                "UPDATE studies SET state = 'fetched', code = ? WHERE number = ?", (said.code or None, study.number)
            )

    def done(self, study: JobStudy) -> None:
        """The ledger has all of it."""
        self._connection.execute("UPDATE studies SET state = 'done', code = NULL WHERE number = ?", (study.number,))

    def failed(self, study: JobStudy, code: str, missing: Iterable[str]) -> None:
        """It did not come, or not all of it; `missing` are SOP Instance UIDs, as far as they are known."""
        with self._transaction():
            self._connection.execute(
                "UPDATE studies SET state = 'failed', code = ? WHERE number = ?", (code, study.number)
            )
            self._connection.execute("DELETE FROM failed_instances WHERE study = ?", (study.number,))
            self._connection.executemany(
                "INSERT INTO failed_instances VALUES (?, ?)", [(study.number, uid) for uid in missing]
            )

    def write_failures(self) -> Path | None:
        """Write into the job's folder which studies failed, and what of them is missing; None when none did."""
        if self.folder is None:
            return None
        path = self.folder / "failed.csv"
        rows = list(
            self._connection.execute(
                "SELECT s.line, s.study_uid, s.code, f.sop_instance_uid FROM studies s"
                " LEFT JOIN failed_instances f ON f.study = s.number WHERE s.state = 'failed' ORDER BY s.number"
            )
        )
        path.unlink(missing_ok=True)
        if not rows:
            return None
        _write_csv(path, rows)
        return path

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "StudyInstanceUID", "code", "SOPInstanceUID"])
        writer.writerows(rows)
