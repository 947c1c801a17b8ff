"""The vault's tables. Every column that could name a patient is sealed; rows are found by keyed lookups."""

import sqlite3
from pathlib import Path

from processors.private_file import make_private
from processors.vault.errors import VaultTooNewError, VaultUnreadableError

VERSION = 4
SCHEMA = """
CREATE TABLE IF NOT EXISTS proof (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS identities (
    lookup BLOB PRIMARY KEY, patient_id BLOB NOT NULL, issuer BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subjects (
    identity BLOB NOT NULL REFERENCES identities(lookup), project TEXT NOT NULL, number INTEGER NOT NULL,
    pseudonym TEXT NOT NULL, PRIMARY KEY (project, identity), UNIQUE (project, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subjects_by_pseudonym ON subjects (project, pseudonym);
CREATE TABLE IF NOT EXISTS studies (
    lookup BLOB PRIMARY KEY, identity BLOB NOT NULL REFERENCES identities(lookup), conflict INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uids (
    lookup BLOB PRIMARY KEY, study BLOB NOT NULL, original BLOB NOT NULL, pseudonym BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uids_by_study ON uids (study);
CREATE TABLE IF NOT EXISTS study_facts (lookup BLOB PRIMARY KEY, facts BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pseudonyms (
    project TEXT NOT NULL, pseudonym TEXT NOT NULL, identity BLOB NOT NULL REFERENCES identities(lookup),
    PRIMARY KEY (project, pseudonym)
) WITHOUT ROWID;
INSERT OR IGNORE INTO pseudonyms (project, pseudonym, identity) SELECT project, pseudonym, identity FROM subjects;
CREATE TABLE IF NOT EXISTS study_identities (
    study BLOB NOT NULL, identity BLOB NOT NULL, PRIMARY KEY (study, identity)
) WITHOUT ROWID;
INSERT OR IGNORE INTO study_identities (study, identity) SELECT lookup, identity FROM studies;
CREATE TABLE IF NOT EXISTS withdrawn (lookup BLOB PRIMARY KEY) WITHOUT ROWID;
"""
"""Every statement may be repeated: an older vault gets what it lacks."""


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the database, readable by its owner alone.

    Raises:
        VaultUnreadableError: it is no vault, or cannot be opened or made.
        VaultTooNewError: a later Sluice wrote it.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_private(path)
        path.chmod(0o600)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < VERSION:
            connection.executescript(SCHEMA)
            connection.execute(f"PRAGMA user_version = {VERSION}")
    except (OSError, sqlite3.Error) as error:
        raise VaultUnreadableError(f"The vault {path} cannot be opened.") from error
    if version > VERSION:
        connection.close()
        raise VaultTooNewError(f"The vault {path} has version {version}, this Sluice knows {VERSION}.")
    return connection
