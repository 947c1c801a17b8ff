"""What a backup says of itself. It is written last, so half a backup has none and is never taken for a whole one."""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from handoff.contract.document import Document
from handoff.contract.identifiers import RandomId
from handoff.errors import StartError
from handoff.operations.inventory import Place
from handoff.store import write_durably

RECORD = "backup.json"
FILES = "files.jsonl"
SQLITE = "handoff.db"
TABLES = "tables"
HOME = "home"
UNFINISHED = "unfinished"


class SavedFile(Document):
    """A line of `files.jsonl`: a file of the store or of the results."""

    place: Place
    path: str
    sha256: str
    size: int


class Trouble(Document):
    """A file that a row names and that could not be saved as the row says."""

    place: Place
    path: str
    what: Literal["missing", "damaged", "outside"]


class BackupRecord(Document):
    """The whole backup: rows by table, how many files, and the digests by which the rest is believed."""

    contract: Literal["sluice.backup/1"] = "sluice.backup/1"
    id: RandomId | None = Field(None, description="As certificates of withdrawals call it; older ones have none.")
    taken_at: float = Field(description="UTC seconds since 1970, of the moment that the rows show.")
    version: str
    revision: str = Field(description="The schema's.")
    database: Literal["sqlite", "tables"]
    rows: dict[str, int]
    digests: dict[str, str] = Field(description="SHA-256 of everything but the store's files, by its name here.")
    store_uri: str
    results_uri: str
    with_files: bool
    files: int
    bytes: int
    trouble: tuple[Trouble, ...] = ()


def write_record(folder: Path, record: BackupRecord) -> None:
    """Make the backup one."""
    write_durably(folder / RECORD, [record.model_dump_json(indent=1).encode() + b"\n"])


def read_record(folder: Path) -> BackupRecord:
    """Read it, and believe what it names: database, list of files, keys and settings.

    Raises:
        StartError: `backup-none`, `backup-unfinished`, `backup-unreadable` or `backup-damaged`.
    """
    if not (folder / RECORD).is_file():
        if (folder / UNFINISHED).exists():
            message = f"The backup in {folder} did not come to its end."
            raise StartError(message, code="backup-unfinished", remedy="Use another one.")
        raise StartError(f"There is no backup in {folder}.", code="backup-none", remedy="Name the folder of one.")
    try:
        record = BackupRecord.model_validate_json((folder / RECORD).read_bytes())
    except (ValidationError, OSError) as error:
        message = f"{folder / RECORD} cannot be understood."
        raise StartError(
            message, code="backup-unreadable", remedy="Use the version that wrote it, or newer."
        ) from error
    for name, digest in record.digests.items():
        if not (folder / name).is_file() or digest_of_file(folder / name) != digest:
            message = f"{folder / name} is not what the backup wrote."
            raise StartError(message, code="backup-damaged", remedy="Use another backup.")
    return record


def digest_of_file(file: Path) -> str:
    """SHA-256 of a file, hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
