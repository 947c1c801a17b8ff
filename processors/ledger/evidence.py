"""Evidence: how associations ended, what a PACS counted, what a modality asked to be kept. A source row for each.

A source row has no project; it is `pending` until each of its deliveries is past treatment, so that every count in its
messages is exact when they leave. Messages (project set) are never announced themselves: their source row is.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from processors.ledger import commitment_lists, performed_lists
from processors.ledger.schema import record_event

_UNFINISHED = """
    (d.state IN ('open', 'sealed', 'announced', 'seen')
     OR d.state = 'routed' AND EXISTS (SELECT 1 FROM shipments s WHERE s.delivery_id = d.id AND s.state = 'routed'))
"""

_PAST_TREATMENT = f"""
    NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.association_id = evidence.association_id AND {_UNFINISHED})
    AND NOT EXISTS (
        SELECT 1 FROM instances i LEFT JOIN instances first ON first.id = i.duplicate_of
        LEFT JOIN deliveries d ON d.id = first.delivery_id
        WHERE i.association_id = evidence.association_id AND i.disposition = 'duplicate'
          AND (d.id IS NULL OR {_UNFINISHED}))
    AND NOT EXISTS (
        SELECT 1 FROM expectations x WHERE x.id = evidence.association_id
          AND (NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.study_uid = x.study_uid)
               OR EXISTS (SELECT 1 FROM deliveries d WHERE d.study_uid = x.study_uid AND {_UNFINISHED})))
    AND NOT EXISTS ({commitment_lists.UNSETTLED.format(named=commitment_lists.NAMED, unfinished=_UNFINISHED)})
    AND NOT EXISTS ({performed_lists.UNSETTLED.format(unfinished=_UNFINISHED)})
"""  # noqa: S608  # no value enters it

_READY = f"""
    UPDATE evidence SET due_at = 0
    WHERE project IS NULL AND state = 'pending' AND due_at IS NULL AND {_PAST_TREATMENT}
"""  # noqa: S608  # as above

_STALLED = f"""
    project IS NULL AND due_at IS NULL
    AND (state IN ('announced', 'seen', 'translated') OR state = 'pending' AND {_PAST_TREATMENT})
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One evidence message to a project; `body` is what is sent, byte by byte."""

    id: str
    association_id: str
    project: str
    state: str
    body: str
    sha256: str
    size: int


def ready(connection: sqlite3.Connection, association_id: str) -> bool:
    """Have the evidence of an association announced if all its deliveries are past treatment.

    Call it in the transaction that ends an association, or that takes a delivery past treatment.
    """
    return connection.execute(f"{_READY} AND association_id = ?", (association_id,)).rowcount > 0


def ready_after(connection: sqlite3.Connection, delivery_id: str) -> None:
    """Ask `ready` for all whose evidence waits for a delivery.

    That is its association, those that sent its duplicates, counts of its study and steps that made something of it,
    and lists that name something of it.
    """
    commitment_lists.renew(connection, delivery_id)
    performed_lists.renew(connection, delivery_id)
    rows = connection.execute(
        "SELECT association_id FROM deliveries WHERE id = ?1 UNION"
        " SELECT again.association_id FROM instances first JOIN instances again ON again.duplicate_of = first.id"
        " WHERE first.delivery_id = ?1 AND again.sop_instance_uid = first.sop_instance_uid"
        " UNION SELECT x.id FROM deliveries d JOIN expectations x ON x.study_uid = d.study_uid WHERE d.id = ?1",
        (delivery_id,),
    ).fetchall()
    for row in rows:
        ready(connection, row[0])
    for list_id in commitment_lists.naming(connection, delivery_id):
        ready(connection, list_id)
    for list_id in performed_lists.waiting_for(connection, delivery_id):
        ready(connection, list_id)


def ready_all(connection: sqlite3.Connection) -> None:
    """Ask `ready` for every association whose evidence is pending."""
    connection.execute(_READY)


def stalled(connection: sqlite3.Connection) -> list[str]:
    """Source rows that wait for nothing and would never be announced."""
    return [row[0] for row in connection.execute(f"SELECT id FROM evidence WHERE {_STALLED}")]  # noqa: S608


def announce_again(connection: sqlite3.Connection, evidence_id: str) -> None:
    """Have a stalled source row announced, inside a transaction."""
    connection.execute("UPDATE evidence SET due_at = 0 WHERE id = ? AND project IS NULL", (evidence_id,))


def source(connection: sqlite3.Connection, evidence_id: str) -> str | None:
    """The association of a source row; None when there is no such row."""
    row = connection.execute(
        "SELECT association_id FROM evidence WHERE id = ? AND project IS NULL", (evidence_id,)
    ).fetchone()
    return row["association_id"] if row else None


def messages(connection: sqlite3.Connection, association_id: str) -> list[Message]:
    """The messages that were translated for an association; empty before."""
    rows = connection.execute(
        "SELECT id, association_id, project, state, body, sha256, size FROM evidence"
        " WHERE association_id = ? AND project IS NOT NULL ORDER BY id",
        (association_id,),
    )
    return [Message(**dict(row)) for row in rows]


def message(connection: sqlite3.Connection, message_id: str) -> Message | None:
    """One message; None when there is no such one."""
    row = connection.execute(
        "SELECT id, association_id, project, state, body, sha256, size FROM evidence"
        " WHERE id = ? AND project IS NOT NULL",
        (message_id,),
    ).fetchone()
    return Message(**dict(row)) if row else None


def translate(connection: sqlite3.Connection, source_id: str, new: Sequence[Message], now: float) -> None:
    """Keep the messages of a source row; one without messages is settled at once."""
    connection.executemany(
        "INSERT INTO evidence (id, association_id, project, state, body, sha256, size) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(m.id, m.association_id, m.project, m.state, m.body, m.sha256, m.size) for m in new],
    )
    connection.execute("UPDATE evidence SET state = 'translated' WHERE id = ?", (source_id,))
    record_event(connection, now, source_id, "translated", str(len(new)))
    _settle(connection, source_id, now)


def confirm(connection: sqlite3.Connection, source_id: str, message_id: str, receipt: str, now: float) -> None:
    """The handoff has the message."""
    connection.execute("UPDATE evidence SET state = 'confirmed', receipt = ? WHERE id = ?", (receipt, message_id))
    record_event(connection, now, message_id, "confirmed")
    _settle(connection, source_id, now)


def park(connection: sqlite3.Connection, source_id: str, message_id: str, reason: str, now: float) -> None:
    """The handoff refuses the message; a person must look."""
    connection.execute("UPDATE evidence SET state = 'parked', reason = ? WHERE id = ?", (reason, message_id))
    record_event(connection, now, message_id, "parked", reason)
    _settle(connection, source_id, now)


def _settle(connection: sqlite3.Connection, source_id: str, now: float) -> None:
    """A source row is confirmed once none of its messages is on its way."""
    settled = connection.execute(
        "UPDATE evidence SET state = 'confirmed', due_at = NULL WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM evidence m"
        " WHERE m.association_id = evidence.association_id AND m.project IS NOT NULL"
        " AND m.state NOT IN ('confirmed', 'parked'))",
        (source_id,),
    ).rowcount
    if settled:
        record_event(connection, now, source_id, "settled")
