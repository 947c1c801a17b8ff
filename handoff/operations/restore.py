"""A backup back into an empty home, counted and hashed again.

1. The backup is whole, and home and database are empty; a handoff.yaml may lie there and then counts more than the
   backup's, so that a home may move to another database or store.
2. Files go to where they belong and are hashed on the way; one that is there already must be the same.
3. Rows go in with one transaction, and are counted in it.
4. What the rows say of the time after the backup is not believed: see `_distrust`.
5. The home gets its name last. A restore that was killed left none, and is begun anew.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, create_engine, delete, select, text, update

from handoff.database.dialect import is_postgresql, sqlite_url
from handoff.database.engine import Database
from handoff.database.migrate import configuration, upgrade
from handoff.database.open import open_database
from handoff.database.tables import Handoff, LoginSession, OutboxRow, TargetPlace, WorkerPulse
from handoff.errors import StartError
from handoff.handoffs.states import State, note, transition
from handoff.home import ResearchHome
from handoff.operations import rows
from handoff.operations.inventory import place_of_files
from handoff.operations.record import FILES, HOME, SQLITE, TABLES, BackupRecord, SavedFile, read_record
from handoff.operations.rehome import Move, batch_of, has_addresses, move_rows, moved, moves
from handoff.settings import Settings
from handoff.store.files import Files, digest_of, is_there
from handoff.store.make import open_store

_YAML = "handoff.yaml"
_STAGING = "research.restoring"
_EARLY = (State.ACCEPTED, State.VALIDATING, State.READY, State.SUBMITTING)
RESTORED = "restored"
"""The event of a handoff whose backup cannot say whether it was sent afterwards."""


def restore(folder: Path, home: Path) -> BackupRecord:
    """Restore a backup; returns what it said of itself.

    Raises:
        StartError: the backup is not whole, home or database are not empty, or a count or digest differs.
    """
    record = read_record(folder)
    target = ResearchHome.of(home)
    _require_empty(target.root)
    staging = _stage(folder, target.root)
    settings = Settings.load(staging.parent)
    if settings.database_url is None and (folder / SQLITE).exists():
        shutil.copyfile(folder / SQLITE, ResearchHome(staging).database)
    database = open_database(settings, ResearchHome(staging))
    try:
        poured = settings.database_url is not None or not (folder / SQLITE).exists()
        if poured:
            _require_no_tables(database)
        changes, digests = _files(folder, record, settings, target, staging)  # (2)
        _rows(folder, record, database, poured=poured)  # (3)
        with database.writer.begin() as connection:
            move_rows(connection, changes, digests)
        _distrust(database)  # (4)
    finally:
        database.close()
    os.sync()
    if target.root.exists():
        shutil.rmtree(target.root)
    staging.rename(target.root)  # (5)
    _leave_staging(staging.parent)
    return record


def _require_empty(root: Path) -> None:
    found = [item.name for item in root.iterdir() if item.name != _YAML] if root.exists() else []
    if found:
        message = f"{root} is not empty."
        raise StartError(message, code="home-not-empty", remedy="Restore into a new --home, and only then remove this.")


def _stage(folder: Path, root: Path) -> Path:
    """Keys, tokens and settings beside the home's place; `Settings` finds them by a home around them."""
    around = root.parent / _STAGING
    shutil.rmtree(around, ignore_errors=True)
    staging = around / root.name
    shutil.copytree(folder / HOME, staging)
    staging.chmod(0o700)
    if (root / _YAML).exists():
        shutil.copy2(root / _YAML, staging / _YAML)
    for name in ("token", "api-token", "keys/receipt.key"):
        (staging / name).chmod(0o600)
    return staging


def _leave_staging(around: Path) -> None:
    shutil.rmtree(around, ignore_errors=True)


def _files(
    folder: Path, record: BackupRecord, settings: Settings, target: ResearchHome, staging: Path
) -> tuple[tuple[Move, ...], dict[str, str]]:
    """Step (2). What the home itself will hold goes to the staging home, under the address that it will have."""
    place = ResearchHome(staging)
    for made in (place.store, place.results, place.runs):
        made.mkdir(parents=True, exist_ok=True)
    store = open_store(settings, place)
    now = (store.files.uri, store.results.uri)
    if settings.store_url is None:
        now = (target.store.as_uri(), target.results.as_uri())
    changes = moves((record.store_uri, record.results_uri), now)
    digests: dict[str, str] = {}
    for file in _listed(folder):
        files = place_of_files(store, file.place)
        if not record.with_files:
            _require_there(files, file)
        elif not (is_there(files, file.path, file.size) and digest_of(files, file.path) == file.sha256):
            found = files.write(file.path, _blocks(folder / file.place / file.path))
            if found != file.sha256:
                message = f"{folder / file.place / file.path} is not what the backup wrote."
                raise StartError(message, code="backup-damaged", remedy="Use another backup.")
        if changes and file.place == "store" and has_addresses(file.path):
            digest = files.write(file.path, moved(list(files.read(file.path)), changes))
            if (batch := batch_of(file.path)) is not None:
                digests[batch] = digest
    return changes, digests


def _require_there(files: Files, file: SavedFile) -> None:
    """A backup without files is only good beside a store that has them."""
    if not is_there(files, file.path, file.size):
        message = f"The store has no {file.path} of {file.size} bytes, and the backup was taken without files."
        raise StartError(message, code="store-incomplete", remedy="Restore the store first.")


def _listed(folder: Path) -> Iterator[SavedFile]:
    with (folder / FILES).open(encoding="utf-8") as stream:
        for line in stream:
            yield SavedFile.model_validate_json(line)


def _blocks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                yield block
    except OSError as error:
        raise StartError(f"{file} cannot be read.", code="backup-damaged", remedy="Use another backup.") from error


def _require_no_tables(database: Database) -> None:
    with database.reader.connect() as connection:
        if not rows.is_empty(connection):
            message = "The database has tables already."
            raise StartError(message, code="database-not-empty", remedy="Give handoff.yaml an empty database.")


def _rows(folder: Path, record: BackupRecord, database: Database, *, poured: bool) -> None:
    """Step (3): the rows as they were, under the schema that they had, and then under this version's."""
    with database.writer.begin() as connection:
        if poured:
            if is_postgresql(connection):
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            _make_schema(connection, record.revision)
            _pour(connection, folder)
        found = rows.counts(connection)
        if found != record.rows:
            differing = sorted(name for name in record.rows if record.rows[name] != found.get(name))
            message = f"The tables {', '.join(differing)} did not come back whole."
            raise StartError(message, code="rows-differ", remedy="Use another backup.")
    upgrade(database)


def _make_schema(connection: Connection, revision: str) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _pour(connection: Connection, folder: Path) -> None:
    tables = rows.tables_of(connection)
    for table in reversed(tables):
        connection.execute(table.delete())  # what a migration itself wrote
    with _saved(folder) as source:
        for table in tables:
            found = rows.lines(folder / TABLES, table) if source is None else rows.read(source, table)
            rows.pour(connection, table, found)
            rows.go_on_numbering(connection, table)


@contextmanager
def _saved(folder: Path) -> Iterator[Connection | None]:
    """The backup's own SQLite file, if it has one."""
    if not (folder / SQLITE).exists():
        yield None
        return
    engine = create_engine(sqlite_url(folder / SQLITE))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _distrust(database: Database) -> None:
    """What happened after the backup is unknown here, and must not happen twice.

    - A handoff that waited for a target may have been sent since: its engine is asked for it, for as long as it
      settles, before anything is sent.
    - One that waited for a pool, and that no target had claimed, may have been sent to any member; nobody could be
      asked for sure, so it is ended.
    - Nobody has a lease, and nobody has a target: the home that had it is gone.
    - Whoever was signed in signs in again.
    """
    now = time.time()
    with database.write() as session:
        waiting = select(Handoff).join(OutboxRow, OutboxRow.handoff_id == Handoff.id)
        for handoff in session.scalars(waiting.where(Handoff.state.in_([state.value for state in _EARLY]))):
            claimed = handoff.attempts > 0 or handoff.state == State.SUBMITTING
            if handoff.pool is not None and not claimed:
                session.execute(delete(OutboxRow).where(OutboxRow.handoff_id == handoff.id))
                transition(session, handoff, State.CANCELED, RESTORED)
            else:
                handoff.state, handoff.sent_at = State.SUBMITTING.value, now
                handoff.attempts = max(handoff.attempts, 1)
                note(session, handoff, RESTORED)
        session.flush()
        session.execute(update(OutboxRow).where(OutboxRow.attempts == 0).values(attempts=1))
        session.execute(update(OutboxRow).values(leased_by=None, leased_until=0.0, due_at=now, sent_at=now))
        session.execute(delete(TargetPlace))
        session.execute(delete(WorkerPulse))
        session.execute(delete(LoginSession))
