"""The ledger's tables, how to open the file, and the one way to write to it.

SQLite in WAL mode on a local disk: one writer at a time, readers never wait. All times are Unix seconds, UTC.
`due_at` is the one column that drives announcing: NULL means never, anything up to now means announce.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from processors.ledger.errors import LedgerTooNewError, LedgerUnreadableError
from processors.private_file import make_private

BUSY_TIMEOUT_SECONDS: Final = 5.0

_VERSION_1: Final = (
    """
    CREATE TABLE associations (
        id TEXT PRIMARY KEY,
        opened_at REAL NOT NULL,
        closed_at REAL,
        calling_ae TEXT NOT NULL,
        called_ae TEXT NOT NULL,
        peer TEXT NOT NULL,
        ending TEXT NOT NULL,                  -- open | released | aborted | lost
        acknowledged INTEGER NOT NULL DEFAULT 0,
        refused INTEGER NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE refusals (
        id INTEGER PRIMARY KEY,
        association_id TEXT NOT NULL,
        at REAL NOT NULL,
        status INTEGER NOT NULL,               -- the C-STORE status that the sender got
        reason TEXT NOT NULL                   -- a code, never a value
    )
    """,
    """
    CREATE TABLE instances (
        id INTEGER PRIMARY KEY,
        association_id TEXT NOT NULL,
        delivery_id TEXT,                      -- NULL for a duplicate: no file was kept
        sop_instance_uid TEXT NOT NULL,
        sop_class_uid TEXT NOT NULL,
        study_uid TEXT NOT NULL,
        series_uid TEXT NOT NULL,
        called_ae TEXT NOT NULL,
        revision INTEGER NOT NULL,
        digest TEXT NOT NULL,                  -- SHA-256 of the data set as received, hexadecimal
        size INTEGER NOT NULL,                 -- bytes of the data set
        file TEXT,                             -- name inside the delivery's folder
        received_at REAL NOT NULL,
        disposition TEXT NOT NULL,             -- delivered | duplicate | variant
        duplicate_of INTEGER
    )
    """,
    """
    CREATE TABLE deliveries (
        id TEXT PRIMARY KEY,
        association_id TEXT NOT NULL,
        called_ae TEXT NOT NULL,
        study_uid TEXT NOT NULL,
        series_uid TEXT NOT NULL,
        opened_at REAL NOT NULL,
        sealed_at REAL,
        seal_reason TEXT,
        instance_count INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        state TEXT NOT NULL,                   -- open | sealed | announced | seen | routed | parked | terminal
        reason TEXT,                           -- why parked: unmatched | held:<code>
        n INTEGER NOT NULL DEFAULT 0,          -- number of the last announcement
        seen_n INTEGER NOT NULL DEFAULT 0,     -- number of the last announcement that NiFi took up
        due_at REAL,                           -- when to announce (again); NULL = never
        replaces TEXT
    )
    """,
    """
    CREATE TABLE shipments (
        id TEXT PRIMARY KEY,
        delivery_id TEXT NOT NULL,
        destination TEXT NOT NULL,
        project TEXT NOT NULL,
        profile TEXT NOT NULL,
        treatment TEXT NOT NULL,               -- JSON, pinned
        state TEXT NOT NULL,                   -- routed | packaged | quarantined | confirmed | parked | closed
        reason TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        workers_lost INTEGER NOT NULL DEFAULT 0,
        package_sha256 TEXT,
        package_size INTEGER,
        passed INTEGER,
        withheld INTEGER,
        packaged_at REAL,
        terminal_at REAL,
        receipt TEXT
    )
    """,
    """
    CREATE TABLE shipment_instances (
        shipment_id TEXT NOT NULL,
        instance_id INTEGER NOT NULL,
        state TEXT NOT NULL,                   -- passed | withheld
        reason TEXT,
        PRIMARY KEY (shipment_id, instance_id)
    )
    """,
    """
    CREATE TABLE evidence (
        id TEXT PRIMARY KEY,
        association_id TEXT NOT NULL,
        project TEXT,
        state TEXT NOT NULL,                   -- pending | announced | seen | translated | sent | confirmed | parked
        n INTEGER NOT NULL DEFAULT 0,
        seen_n INTEGER NOT NULL DEFAULT 0,
        due_at REAL,
        body TEXT,
        sha256 TEXT,
        size INTEGER,
        reason TEXT,
        receipt TEXT
    )
    """,
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        subject TEXT NOT NULL,                 -- an id of ours
        event TEXT NOT NULL,
        detail TEXT                            -- codes and counts, never PHI
    )
    """,
    "CREATE INDEX refusals_association ON refusals (association_id)",
    "CREATE INDEX instances_sop ON instances (sop_instance_uid)",
    "CREATE INDEX instances_delivery ON instances (delivery_id)",
    "CREATE INDEX instances_association ON instances (association_id)",
    "CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX deliveries_association ON deliveries (association_id)",
    "CREATE INDEX shipments_delivery ON shipments (delivery_id)",
    "CREATE INDEX shipment_instances_instance ON shipment_instances (instance_id)",
    "CREATE INDEX evidence_due ON evidence (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX evidence_association ON evidence (association_id)",
    "CREATE INDEX events_subject ON events (subject)",
)

_VERSION_2: Final[tuple[str, ...]] = (
    """
    CREATE TABLE results (
        id TEXT PRIMARY KEY,
        handoff_id TEXT NOT NULL,
        path TEXT NOT NULL,                    -- below the handoff's result
        sha256 TEXT NOT NULL,                  -- of the object as the run made it
        size INTEGER NOT NULL,
        project TEXT NOT NULL,
        destination TEXT NOT NULL,             -- a peer by its name
        state TEXT NOT NULL,                   -- fetched | held | ready | sent | parked | closed
        reason TEXT,
        n INTEGER NOT NULL DEFAULT 0,
        seen_n INTEGER NOT NULL DEFAULT 0,
        due_at REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        study_uid TEXT,                        -- the original study
        sop_instance_uid TEXT,                 -- minted here, pinned before anything is sent
        file TEXT,                             -- the re-identified object, relative to the landing
        fetched_at REAL NOT NULL,
        sent_at REAL
    )
    """,
    "CREATE INDEX results_due ON results (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX results_sop ON results (sop_instance_uid)",
    """
    CREATE TABLE label_documents (
        id TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        destination TEXT NOT NULL,
        source TEXT NOT NULL,
        revision INTEGER NOT NULL,             -- rises with each import of the source for the project
        content TEXT NOT NULL,                 -- digest of the rows of the whole import
        rows INTEGER NOT NULL,
        sha256 TEXT NOT NULL,                  -- of the file in the landing, byte by byte what is sent
        size INTEGER NOT NULL,
        state TEXT NOT NULL,                   -- pending | announced | seen | confirmed | parked | closed
        reason TEXT,
        n INTEGER NOT NULL DEFAULT 0,
        seen_n INTEGER NOT NULL DEFAULT 0,
        due_at REAL,
        receipt TEXT,
        imported_at REAL NOT NULL
    )
    """,
    "CREATE INDEX label_documents_due ON label_documents (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX label_documents_source ON label_documents (project, source, revision)",
    "CREATE INDEX deliveries_study ON deliveries (study_uid)",
    """
    CREATE TABLE expectations (
        id TEXT PRIMARY KEY,                   -- stands as association_id in the row of `evidence` that announces it
        study_uid TEXT NOT NULL,
        peer TEXT NOT NULL,                    -- who counted, by name
        revision INTEGER NOT NULL,             -- rises with each count of the study
        expected INTEGER NOT NULL,             -- instances, by C-FIND
        asked_at REAL NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX expectations_study ON expectations (study_uid, revision)",
    "CREATE INDEX deliveries_series ON deliveries (series_uid)",
)

_VERSION_3: Final[tuple[str, ...]] = (
    """
    CREATE TABLE troubles (
        id INTEGER PRIMARY KEY,
        day INTEGER NOT NULL,                  -- since 1970, UTC: the same again on one day is counted, not added
        cause TEXT NOT NULL,                   -- a row of processors.dicom.causes
        peer TEXT NOT NULL,                    -- name in the peers file, or empty
        calling_ae TEXT NOT NULL,
        called_ae TEXT NOT NULL,
        address TEXT NOT NULL,
        detail TEXT NOT NULL,                  -- UIDs, numbers and codes, never a value of a patient
        association_id TEXT,                   -- the last one; NULL if none came about
        count INTEGER NOT NULL,
        first_at REAL NOT NULL,
        last_at REAL NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX troubles_same ON troubles (day, cause, peer, calling_ae, called_ae, address, detail)",
    "CREATE INDEX troubles_last ON troubles (last_at)",
)

_VERSION_4: Final[tuple[str, ...]] = (
    # A day's account and a peer's rhythm ask for a stretch of time; without these they read the whole ledger.
    "CREATE INDEX instances_received ON instances (received_at)",
    "CREATE INDEX refusals_at ON refusals (at)",
    "CREATE INDEX associations_opened ON associations (opened_at)",
)

_VERSION_5: Final[tuple[str, ...]] = (
    "ALTER TABLE deliveries ADD COLUMN removed_at REAL",  # when retention removed its originals; NULL = they are here
    """
    UPDATE deliveries SET removed_at = (
        SELECT max(e.at) FROM events e WHERE e.subject = deliveries.id AND e.event = 'removed')
    """,
    "CREATE INDEX deliveries_here ON deliveries (state) WHERE removed_at IS NULL",
    "CREATE INDEX instances_revised ON instances (sop_instance_uid) WHERE revision > 1",
    "CREATE INDEX shipment_instances_withheld ON shipment_instances (instance_id) WHERE state = 'withheld'",
    """
    CREATE TABLE variant_decisions (
        id INTEGER PRIMARY KEY,
        sop_instance_uid TEXT NOT NULL,
        revision INTEGER NOT NULL,             -- the one that counts
        highest INTEGER NOT NULL,              -- the highest that was here then; a later one opens the question again
        by TEXT NOT NULL,                      -- a person's account, or the rule
        reason TEXT NOT NULL,
        at REAL NOT NULL
    )
    """,
    "CREATE INDEX variant_decisions_sop ON variant_decisions (sop_instance_uid)",
)

_VERSION_6: Final[tuple[str, ...]] = (
    """
    CREATE TABLE commitments (                 -- requests for storage commitment (PS3.4 annex J)
        id TEXT PRIMARY KEY,
        transaction_uid TEXT NOT NULL,
        association_id TEXT NOT NULL,
        calling_ae TEXT NOT NULL,
        called_ae TEXT NOT NULL,
        address TEXT NOT NULL,
        peer TEXT NOT NULL,                    -- name in the peers file, or empty
        received_at REAL NOT NULL,
        state TEXT NOT NULL,                   -- requested | judged | reported
        total INTEGER NOT NULL,
        failed INTEGER,                        -- NULL before it is judged
        kept_until REAL,                       -- what was promised, Unix seconds
        reason TEXT,                           -- why the last attempt to report came to nothing, a code
        attempts INTEGER NOT NULL DEFAULT 0,
        due_at REAL,                           -- when to go on; NULL = never
        reported_at REAL
    )
    """,
    "CREATE INDEX commitments_due ON commitments (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX commitments_transaction ON commitments (transaction_uid)",
    "CREATE INDEX commitments_received ON commitments (received_at)",
    """
    CREATE TABLE commitment_instances (
        commitment_id TEXT NOT NULL,
        number INTEGER NOT NULL,               -- its place in the request
        sop_class_uid TEXT NOT NULL,
        sop_instance_uid TEXT NOT NULL,
        failure INTEGER,                       -- Failure Reason (0008,1197); NULL = none, or not judged yet
        PRIMARY KEY (commitment_id, number)
    )
    """,
    "CREATE INDEX commitment_instances_sop ON commitment_instances (sop_instance_uid)",
    """
    CREATE TABLE commitment_lists (            -- what of a request is told as evidence
        id TEXT PRIMARY KEY,                   -- stands as association_id in the row of `evidence` that announces it
        commitment_id TEXT NOT NULL,
        revision INTEGER NOT NULL              -- rises when what became of its instances changes
    )
    """,
    "CREATE UNIQUE INDEX commitment_lists_revision ON commitment_lists (commitment_id, revision)",
)

_VERSION_7: Final[tuple[str, ...]] = (
    """
    CREATE TABLE performed_steps (             -- Modality Performed Procedure Steps (PS3.4 F.7)
        sop_instance_uid TEXT PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        peer TEXT NOT NULL,                    -- who made it and alone may change it, by name in the peers file
        association_id TEXT NOT NULL,          -- over which it was made
        study_uid TEXT NOT NULL,               -- empty if it names several
        state TEXT NOT NULL,                   -- IN PROGRESS | COMPLETED | DISCONTINUED
        created_at REAL NOT NULL,
        ended_at REAL
    )
    """,
    "CREATE INDEX performed_steps_study ON performed_steps (study_uid)",
    """
    CREATE TABLE performed_instances (         -- what a step says that it made; no more of it is kept than this
        step_id TEXT NOT NULL,
        sop_instance_uid TEXT NOT NULL,
        PRIMARY KEY (step_id, sop_instance_uid)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE performed_lists (             -- what of a completed step is told as evidence
        id TEXT PRIMARY KEY,                   -- stands as association_id in the row of `evidence` that announces it
        step_id TEXT NOT NULL,
        revision INTEGER NOT NULL              -- rises when what became of its instances changes
    )
    """,
    "CREATE UNIQUE INDEX performed_lists_revision ON performed_lists (step_id, revision)",
)

_VERSION_8: Final[tuple[str, ...]] = (
    # A row stands for all that are alike: one status and reason within a quarter of an hour, the first of them `at`.
    "ALTER TABLE refusals ADD COLUMN count INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE refusals ADD COLUMN last_at REAL",  # NULL where an earlier version wrote one row for each
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    _VERSION_1,
    _VERSION_2,
    _VERSION_3,
    _VERSION_4,
    _VERSION_5,
    _VERSION_6,
    _VERSION_7,
    _VERSION_8,
)
"""Statements by version; a ledger at `user_version` n has had the first n. Append, never change."""


def connect(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """Open the ledger for writing; make it (0600) or bring it up to date first.

    Raises:
        LedgerUnreadableError: the file cannot be opened or is no database.
        LedgerTooNewError: a later Sluice wrote it.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        make_private(path)
        connection = _open(path.as_uri() if path.is_absolute() else path.resolve().as_uri(), check_same_thread)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection)
    except (OSError, sqlite3.DatabaseError) as error:
        message = f"The ledger {path} cannot be opened: {error}."
        raise LedgerUnreadableError(message) from error
    return connection


def connect_readonly(path: Path, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """Open an existing ledger so that nothing can be written through this connection.

    Raises:
        LedgerUnreadableError: the file does not exist, is no database or has never been migrated.
    """
    try:
        connection = _open(f"{Path(path).resolve().as_uri()}?mode=ro", check_same_thread)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        message = f"The ledger {path} cannot be opened: {error}."
        raise LedgerUnreadableError(message) from error
    if version > len(MIGRATIONS):
        raise LedgerTooNewError(f"The ledger {path} has version {version}, this Sluice knows {len(MIGRATIONS)}.")
    if version < len(MIGRATIONS):
        raise LedgerUnreadableError(f"The ledger {path} has version {version}, not {len(MIGRATIONS)}.")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: it takes the write lock at once, commits at the end, rolls back on any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # after some errors SQLite has rolled back by itself
            connection.execute("ROLLBACK")
        raise


def record_event(
    connection: sqlite3.Connection, at: float, subject: str, event: str, detail: str | None = None
) -> None:
    """Add a line to the audit trail; `subject` is an id of ours, `detail` holds codes and counts, never PHI."""
    connection.execute(
        "INSERT INTO events (at, subject, event, detail) VALUES (?, ?, ?, ?)", (at, subject, event, detail)
    )


def _open(uri: str, check_same_thread: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS, check_same_thread=check_same_thread
    )
    connection.row_factory = sqlite3.Row
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to the last version, in one transaction that two starting processes cannot share."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise LedgerTooNewError(f"The ledger has version {version}, this Sluice knows {len(MIGRATIONS)}.")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
