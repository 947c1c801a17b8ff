"""Copy the vault while it is used, and put a copy in its place: it is a source of truth, and cannot be made anew.

A copy is one file, sealed like the vault itself: it is worth nothing without the key file, which is kept elsewhere.
"""

import itertools
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processors.deid.keys import KeyFile
from processors.vault.errors import VaultInUseError, VaultThereError, VaultUnreadableError
from processors.vault.vault import Vault

_LOGS: Final = ("-wal", "-shm")
_TABLES: Final = ("identities", "subjects", "studies", "uids", "study_facts")


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds."""

    path: Path
    rows: dict[str, int]
    """By table."""
    set_aside: Path | None = None
    """Where the vault is that was there before."""


def back_up(vault: Path, target: Path, key_file: Path) -> Copied:
    """Copy the vault as it is at one moment, beside whoever uses it; the copy is whole and durable, or not there.

    Raises:
        VaultUnreadableError: there is no vault, it or the copy is damaged, or the copy cannot be written.
        VaultKeyMismatchError: it was made with another key file.
        VaultThereError: `target` exists.
    """
    if target.exists():
        raise VaultThereError(f"{target} exists.")
    if not vault.is_file():
        raise VaultUnreadableError(f"There is no vault {vault}.")
    return _copy(vault, target, key_file)


def restore(backup: Path, vault: Path, key_file: Path, *, replace: bool = False) -> Copied:
    """Put a copy of `backup` in the vault's place; with `replace` the vault that is there gets another name first.

    Raises:
        VaultUnreadableError: the backup is none or damaged, or the vault's folder cannot be written.
        VaultKeyMismatchError: the backup was made with another key file; nothing is changed.
        VaultThereError: a vault is there, and `replace` was not said.
        VaultInUseError: somebody has that vault open.
    """
    if vault.exists() and not replace:
        raise VaultThereError(f"There is a vault {vault}.")
    if not backup.is_file():
        raise VaultUnreadableError(f"There is no backup {backup}.")
    new = vault.with_name(f".{vault.name}.restored")
    new.unlink(missing_ok=True)
    try:
        rows = _copy(backup, new, key_file).rows
        if vault.exists():
            _keep_withdrawals(vault, new)
        aside = _set_aside(vault)
        new.rename(vault)
        _sync(vault.parent)
    except OSError as error:
        raise VaultUnreadableError(f"The vault {vault} cannot be written: {error.strerror}.") from error
    finally:
        new.unlink(missing_ok=True)
    return Copied(vault, rows, aside)


def _copy(source: Path, target: Path, key_file: Path) -> Copied:
    """Copy a vault by SQLite's own backup, prove that it is whole and opens with the key file, and give it its name."""
    keys = KeyFile.load(key_file)
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(_readonly(source)) as origin, closing(sqlite3.connect(part)) as copy:
            origin.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            if copy.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                raise VaultUnreadableError(f"{source} is damaged.")
        with Vault.open(part, keys):
            pass
        with closing(sqlite3.connect(part)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            rows = {table: copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES}  # noqa: S608
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise VaultUnreadableError(f"{source} cannot be copied to {target}.") from error
    finally:
        for suffix in ("", *_LOGS):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
    return Copied(target, rows)


def _keep_withdrawals(vault: Path, new: Path) -> None:
    """Who withdrew after the backup was taken stays withdrawn; what is damaged is known to have nobody.

    Raises:
        VaultUnreadableError: the copy cannot be written.
    """
    withdrawn: list[tuple[bytes]] = []
    with suppress(sqlite3.DatabaseError), closing(_readonly(vault)) as old:
        withdrawn = old.execute("SELECT lookup FROM withdrawn").fetchall()
    try:
        with closing(sqlite3.connect(new)) as copy, copy:
            copy.executemany("INSERT OR IGNORE INTO withdrawn (lookup) VALUES (?)", withdrawn)
    except sqlite3.Error as error:
        raise VaultUnreadableError("The withdrawals of the vault that is there cannot be kept.") from error
    _sync(new)


def _readonly(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)


def _set_aside(vault: Path) -> Path | None:
    """Give the vault that is there a second name, and its log another; None if there is none.

    Raises:
        VaultInUseError: somebody has it open.
    """
    if not vault.exists():
        return None
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(vault, timeout=0.0, isolation_level=None)) as old:
        try:  # leaves the WAL mode, for which nobody else may have it open
            old.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise VaultInUseError(f"The vault {vault} is open in another process.") from error
    names = (vault.with_name(f"{vault.name}.replaced-{number}") for number in itertools.count(1))
    target = next(name for name in names if not name.exists())
    for suffix in _LOGS:  # of a damaged one; beside another vault they would be taken for its own
        file = vault.with_name(vault.name + suffix)
        if file.exists():
            file.rename(target.with_name(target.name + suffix))
    os.link(vault, target)  # there is a vault at each moment: whoever finds none would begin a new one
    return target


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
