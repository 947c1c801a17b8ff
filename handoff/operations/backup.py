"""A copy of everything while the service goes on.

0. The list of copies says that there is a backup, and until when: withdrawals name those that hold what is withdrawn.
1. The rows of one moment. Files are written before the rows that name them, so every file of these rows is there.
2. The files that these rows name, each hashed while it is copied; one that an earlier backup has is linked to it.
3. Keys, tokens and settings.
4. The record, once all of it is on the disk. A backup that was killed has none; taken again, it goes on from there.
"""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import IO

from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.database.migrate import require_current
from handoff.errors import StartError
from handoff.home import ResearchHome
from handoff.operations import rows
from handoff.operations.inventory import NamedFile, named_files, place_of_files
from handoff.operations.record import (
    FILES,
    HOME,
    RECORD,
    SQLITE,
    TABLES,
    UNFINISHED,
    BackupRecord,
    SavedFile,
    Trouble,
    digest_of_file,
    write_record,
)
from handoff.settings import Settings
from handoff.store import Store
from handoff.store.files import OutsideError
from handoff.withdrawals.backups import note_backup

_KEPT = ("handoff.yaml", "token", "api-token", "keys")
"""What a home has besides rows and files."""
_WANTED = "wanted.jsonl"


@dataclass(slots=True)
class _Saved:
    files: int = 0
    bytes: int = 0
    trouble: list[Trouble] = field(default_factory=list)


def back_up(
    settings: Settings,
    database: Database,
    store: Store,
    folder: Path,
    *,
    files: bool = True,
    like: Path | None = None,
    keep_days: int | None = None,
) -> BackupRecord:
    """Take a backup into a new folder, or go on with one there that did not come to its end.

    Args:
        settings: of the home.
        database: of the home, with this version's schema.
        store: of the home.
        folder: where to; made, and readable by nobody else.
        files: whether to copy the store's files; else they are only listed, for stores that are saved otherwise.
        like: an earlier backup on the same disk, whose equal files are linked instead of copied.
        keep_days: for how long it will be kept, as certificates of withdrawals say; None: until a person removes it.

    Raises:
        StartError: the folder holds something else, or the database has another schema.
    """
    home = ResearchHome.of(settings.home)
    require_current(database)
    identifier = _begin(folder)
    note_backup(database, identifier, folder.name, keep_days)  # (0)
    taken_at, revision, counted = _moment(database, folder)  # (1)
    saved = _Saved()
    with (folder / FILES).open("x", encoding="utf-8") as listed:  # (2)
        for file in _wanted(folder):
            _save(file, store, folder, listed, saved, copy=files, like=like)
    saved.trouble = _without_withdrawn(database, saved.trouble)
    _keep_home(home, folder)  # (3)
    names = sorted(_own(folder))
    record = BackupRecord(
        id=identifier,
        taken_at=taken_at,
        version=version("dicom-sluice"),
        revision=revision,
        database="sqlite" if (folder / SQLITE).exists() else "tables",
        rows=counted,
        digests={name: digest_of_file(folder / name) for name in names},
        store_uri=store.files.uri,
        results_uri=store.results.uri,
        with_files=files,
        files=saved.files,
        bytes=saved.bytes,
        trouble=tuple(saved.trouble),
    )
    os.sync()  # (4)
    write_record(folder, record)
    (folder / UNFINISHED).unlink()
    return record


def _begin(folder: Path) -> str:
    """Take a folder that is new, empty, or left by a backup that was killed; returns the backup's id."""
    if (folder / RECORD).exists():
        raise StartError(f"{folder} holds a backup.", code="backup-there", remedy="Name a new folder.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / UNFINISHED).exists():
        raise StartError(f"{folder} is not empty.", code="backup-there", remedy="Name a new folder.")
    folder.chmod(0o700)
    (folder / UNFINISHED).touch()
    identifier = (folder / UNFINISHED).read_text("ascii").strip() or secrets.token_hex(16)
    (folder / UNFINISHED).write_text(identifier, "ascii")
    for name in (SQLITE, f"{SQLITE}-journal", FILES, _WANTED):
        (folder / name).unlink(missing_ok=True)
    for name in (TABLES, HOME):
        shutil.rmtree(folder / name, ignore_errors=True)
    return identifier


def _moment(database: Database, folder: Path) -> tuple[float, str, dict[str, int]]:
    """Save all rows of one moment, and the list of the files that they name; gives time, schema and counts."""
    taken_at = time.time()
    if database.reader.dialect.name == "sqlite":
        rows.copy_sqlite(Path(database.reader.url.database or ""), folder / SQLITE)
        copied = create_engine(sqlite_url(folder / SQLITE))
        with Session(copied) as session:
            return taken_at, *_look(session, folder)
    with database.read() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        rows.export(session.connection(), folder / TABLES)
        return taken_at, *_look(session, folder)


def _look(session: Session, folder: Path) -> tuple[str, dict[str, int]]:
    with (folder / _WANTED).open("x", encoding="utf-8") as stream:
        stream.writelines(json.dumps(file) + "\n" for file in named_files(session))
    connection = session.connection()
    return str(MigrationContext.configure(connection).get_current_revision()), rows.counts(connection)


def _wanted(folder: Path) -> Iterator[NamedFile]:
    """From a list, as no transaction should be open for as long as files take."""
    with (folder / _WANTED).open(encoding="utf-8") as stream:
        for line in stream:
            yield NamedFile(*json.loads(line))
    (folder / _WANTED).unlink()


def _without_withdrawn(database: Database, trouble: list[Trouble]) -> list[Trouble]:
    """What was withdrawn while the backup was taken is gone by right."""
    if not trouble:
        return trouble
    with database.read() as session:
        still = {(file.place, file.path) for file in named_files(session)}
    return [item for item in trouble if (item.place, item.path) in still]


def _save(
    file: NamedFile, store: Store, folder: Path, listed: IO[str], saved: _Saved, *, copy: bool, like: Path | None
) -> None:
    source = place_of_files(store, file.place)
    target = folder / file.place / file.path
    try:
        size = source.size(file.path) if file.size is None or not copy else file.size
        if not copy:
            sha256 = file.sha256 or ""
        elif _is_linked(file, target, like):
            sha256, size = file.sha256 or "", target.stat().st_size
        else:
            sha256, size = _copy(source.read(file.path), target)
    except OutsideError:
        saved.trouble.append(Trouble(place=file.place, path=file.path, what="outside"))
        return
    except FileNotFoundError:
        saved.trouble.append(Trouble(place=file.place, path=file.path, what="missing"))
        return
    if file.sha256 not in {None, sha256} or file.size not in {None, size}:
        saved.trouble.append(Trouble(place=file.place, path=file.path, what="damaged"))
        return
    listed.write(SavedFile(place=file.place, path=file.path, sha256=sha256, size=size).model_dump_json() + "\n")
    saved.files += 1
    saved.bytes += size


def _is_linked(file: NamedFile, target: Path, like: Path | None) -> bool:
    """Whether the file is here now without copying it: from a killed attempt or from an earlier backup."""
    if file.sha256 is None:
        return False
    for found in (target, *([like / file.place / file.path] if like else [])):
        if found.is_file() and digest_of_file(found) == file.sha256:
            if found != target:
                target.unlink(missing_ok=True)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(found, target)
            return True
    return False


def _copy(blocks: Iterable[bytes], target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        with target.open("xb", buffering=0) as stream:
            for block in blocks:
                digest.update(block)
                stream.write(block)
                size += len(block)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return digest.hexdigest(), size


def _keep_home(home: ResearchHome, folder: Path) -> None:
    (folder / HOME).mkdir(mode=0o700)
    for name in _KEPT:
        found = home.root / name
        if found.is_dir():
            shutil.copytree(found, folder / HOME / name)
        elif found.is_file():
            shutil.copy2(found, folder / HOME / name)


def _own(folder: Path) -> Iterator[str]:
    """Everything that the record vouches for by itself: all but the store's files."""
    for name in (SQLITE, FILES):
        if (folder / name).is_file():
            yield name
    for name in (TABLES, HOME):
        for file in (folder / name).rglob("*"):
            if file.is_file():
                yield file.relative_to(folder).as_posix()
