"""Label documents: what an import made, from the durable file in the landing to the receipt.

| state | means |
|---|---|
| pending, announced, seen | the file lies in the landing and is on its way |
| confirmed | the handoff has it, by a receipt that was verified |
| parked | the handoff refuses it; a person must look. `reason` is the code |
| closed | nobody wants it any more: withdrawn |

Which rows an import had is in the files alone: the ledger keeps counts and digests.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, Literal

from processors.ledger.schema import record_event

State = Literal["pending", "announced", "seen", "confirmed", "parked", "closed"]
TERMINAL: Final = frozenset({"confirmed", "parked", "closed"})
_UNSETTLED: Final = "state IN ('pending', 'announced', 'seen')"


@dataclass(frozen=True, slots=True)
class LabelDocument:
    """One row; `content` is the digest of all rows of its import, so that the same import is known again."""

    id: str
    project: str
    destination: str
    source: str
    revision: int
    content: str
    rows: int
    sha256: str
    size: int
    state: State = "pending"
    reason: str | None = None
    receipt: str | None = None


_COLUMNS = ", ".join(field.name for field in fields(LabelDocument))
_MARKS = ", ".join("?" for _ in fields(LabelDocument))


def add(connection: sqlite3.Connection, documents: Iterable[LabelDocument], now: float) -> None:
    """Enter the documents of an import, due at once; inside a transaction. Those that are known stay as they are."""
    for one in documents:
        values = [getattr(one, field.name) for field in fields(LabelDocument)]
        due = None if one.state in TERMINAL else 0.0
        connection.execute(
            f"INSERT OR IGNORE INTO label_documents ({_COLUMNS}, due_at, imported_at) VALUES ({_MARKS}, ?, ?)",  # noqa: S608
            (*values, due, now),
        )
        record_event(connection, now, one.id, "imported", f"{one.rows} rows")


def get(connection: sqlite3.Connection, document_id: str) -> LabelDocument | None:
    """One document; None when there is no such one."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM label_documents WHERE id = ?", (document_id,)).fetchone()  # noqa: S608
    return LabelDocument(**dict(row)) if row else None


def every(connection: sqlite3.Connection) -> list[LabelDocument]:
    """All documents, by id."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM label_documents ORDER BY id")  # noqa: S608
    return [LabelDocument(**dict(row)) for row in rows]


def last_import(connection: sqlite3.Connection, project: str, source: str) -> list[LabelDocument]:
    """The documents of the highest revision of a source in a project; empty before the first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM label_documents WHERE project = ?1 AND source = ?2 AND revision ="  # noqa: S608
        " (SELECT max(revision) FROM label_documents WHERE project = ?1 AND source = ?2) ORDER BY id",
        (project, source),
    )
    return [LabelDocument(**dict(row)) for row in rows]


def confirm(connection: sqlite3.Connection, document_id: str, receipt: str, now: float) -> None:
    """The handoff has it, by a receipt that was verified."""
    connection.execute(
        "UPDATE label_documents SET state = 'confirmed', receipt = ?, due_at = NULL WHERE id = ?",
        (receipt, document_id),
    )
    record_event(connection, now, document_id, "confirmed")


def end(
    connection: sqlite3.Connection, document_id: str, state: Literal["parked", "closed"], why: str, now: float
) -> None:
    """The handoff will not take it; it is not announced again."""
    connection.execute(
        "UPDATE label_documents SET state = ?, reason = ?, due_at = NULL WHERE id = ?", (state, why, document_id)
    )
    record_event(connection, now, document_id, state, why)


def withdraw(connection: sqlite3.Connection, document_id: str, why: str, now: float) -> None:
    """Its file leaves the landing, as somebody in it took their consent back; what is confirmed stays confirmed."""
    connection.execute(
        "UPDATE label_documents SET state = iif(state = 'confirmed', state, 'closed'), reason = ?, due_at = NULL"
        " WHERE id = ?",
        (why, document_id),
    )
    record_event(connection, now, document_id, "removed", why)


def stalled(connection: sqlite3.Connection) -> list[str]:
    """Documents that wait for nothing and would never be announced."""
    rows = connection.execute(f"SELECT id FROM label_documents WHERE {_UNSETTLED} AND due_at IS NULL")  # noqa: S608
    return [row[0] for row in rows]


def announce_again(connection: sqlite3.Connection, document_id: str) -> None:
    """Have a document that is not settled announced, inside a transaction."""
    connection.execute(f"UPDATE label_documents SET due_at = 0 WHERE id = ? AND {_UNSETTLED}", (document_id,))  # noqa: S608


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Documents by state."""
    rows = connection.execute("SELECT state, count(*) FROM label_documents GROUP BY state ORDER BY state")
    return {row[0]: row[1] for row in rows}
