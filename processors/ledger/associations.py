"""Rows of `associations` and `refusals`, and what the end of an association leaves behind."""

import sqlite3
from collections.abc import Sequence
from typing import Literal

from processors.landing.journal import AssociationFacts, DuplicateInstance
from processors.ledger import instances
from processors.ledger.refusals import Refusals
from processors.ledger.refusals import add as add_refusals

Ending = Literal["released", "aborted", "lost"]


def add_open(connection: sqlite3.Connection, facts: AssociationFacts) -> None:
    """Add an association that has just been accepted; one that has a row stays as it is."""
    connection.execute(
        """
        INSERT OR IGNORE INTO associations (id, opened_at, calling_ae, called_ae, peer, ending)
        VALUES (?, ?, ?, ?, ?, 'open')
        """,
        (facts.id, facts.opened_at, facts.calling_ae, facts.called_ae, facts.peer),
    )


def is_open(connection: sqlite3.Connection, association_id: str) -> bool:
    """Whether the association has a row that does not say how it ended."""
    row = connection.execute("SELECT ending FROM associations WHERE id = ?", (association_id,)).fetchone()
    return row is not None and row[0] == "open"


def known_ids(connection: sqlite3.Connection) -> set[str]:
    """The ids of all associations that have a row."""
    return {row[0] for row in connection.execute("SELECT id FROM associations")}


def open_associations(connection: sqlite3.Connection) -> list[AssociationFacts]:
    """All associations that never ended, as a crash leaves them."""
    rows = connection.execute(
        "SELECT id, opened_at, calling_ae, called_ae, peer FROM associations WHERE ending = 'open'"
    )
    return [AssociationFacts(**row) for row in rows]


def close(
    connection: sqlite3.Connection,
    facts: AssociationFacts,
    *,
    ending: Ending,
    closed_at: float,
    duplicates: Sequence[DuplicateInstance],
    refusals: Refusals,
) -> None:
    """Write how an open association ended, with all its duplicates and refusals, inside a transaction.

    Of the duplicates some may have been entered before, in pieces.
    """
    if duplicates:  # most have none, and each statement costs as much as all else here
        left = instances.without_entered(connection, facts.id, duplicates)
        instances.add_duplicates(connection, facts.id, facts.called_ae, left)
    if refusals:
        add_refusals(connection, facts.id, refusals)
    connection.execute(
        """
        UPDATE associations SET opened_at = ?, peer = ?, closed_at = ?, ending = ?, refused = ?,
            acknowledged = (SELECT count(*) FROM instances WHERE association_id = ?)
        WHERE id = ?
        """,
        (facts.opened_at, facts.peer, closed_at, ending, len(refusals), facts.id, facts.id),
    )


def add_evidence(connection: sqlite3.Connection, evidence_id: str, association_id: str) -> None:
    """Add the pending evidence of an ended association that stored something."""
    connection.execute(
        "INSERT INTO evidence (id, association_id, state) VALUES (?, ?, 'pending')", (evidence_id, association_id)
    )
