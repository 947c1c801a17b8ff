"""What completed procedure steps made, as evidence: each has a list, and another whenever what became of it may change.

A list stands in `evidence` as an association does: its id is the `association_id` of the row that announces it. Only
the newest list of a step speaks, and it tells a project only what that has not been told.
"""

import secrets
import sqlite3
from dataclasses import dataclass
from typing import Final

UNSETTLED: Final = """
    SELECT 1 FROM performed_lists l JOIN performed_steps p ON p.id = l.step_id
    WHERE l.id = evidence.association_id AND (
        NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.study_uid = p.study_uid)
        OR EXISTS (SELECT 1 FROM deliveries d WHERE d.study_uid = p.study_uid AND {unfinished})
        OR EXISTS (SELECT 1 FROM performed_steps o WHERE o.study_uid = p.study_uid AND o.state = 'IN PROGRESS'))
"""
"""The condition that a list is not ready: nothing of the study is here, something is on its way, or a step goes on."""

_PENDING: Final = """
    SELECT l.id FROM performed_steps p JOIN performed_lists l ON l.step_id = p.id
    JOIN evidence e ON e.association_id = l.id
    WHERE p.study_uid = ? AND p.study_uid <> '' AND e.project IS NULL AND e.state = 'pending'
"""

_TO_RENEW: Final = """
    SELECT p.id FROM deliveries d JOIN performed_steps p ON p.study_uid = d.study_uid
    WHERE d.id = ? AND p.state = 'COMPLETED' AND p.study_uid <> '' AND NOT EXISTS (
        SELECT 1 FROM performed_lists l JOIN evidence e ON e.association_id = l.id
        WHERE l.step_id = p.id AND e.project IS NULL AND e.state = 'pending')
"""


@dataclass(frozen=True, slots=True, repr=False)
class PerformedList:
    """What of a completed step is to be told. PHI: it has no revealing repr."""

    step_id: str
    association_id: str
    """Over which the step was made."""
    study_uid: str
    revision: int
    instances: frozenset[str]

    def __repr__(self) -> str:
        return f"PerformedList({self.step_id}, {self.revision})"


def add(connection: sqlite3.Connection, step_id: str, first_revision: int = 1) -> None:
    """Add the next list and its pending evidence, in a transaction; a step of several studies or nothing has none.

    `first_revision` is that of a step that has no list yet.
    """
    list_id = secrets.token_hex(16)
    added = connection.execute(
        "INSERT INTO performed_lists (id, step_id, revision) SELECT ?1, p.id,"
        " (SELECT ifnull(max(revision) + 1, ?3) FROM performed_lists WHERE step_id = ?2) FROM performed_steps p"
        " WHERE p.id = ?2 AND p.study_uid <> '' AND EXISTS (SELECT 1 FROM performed_instances WHERE step_id = ?2)",
        (list_id, step_id, first_revision),
    ).rowcount
    if added:
        connection.execute(
            "INSERT INTO evidence (id, association_id, state) VALUES (?, ?, 'pending')",
            (secrets.token_hex(16), list_id),
        )


def get(connection: sqlite3.Connection, list_id: str) -> PerformedList | None:
    """One list; None when the id is something else's."""
    row = connection.execute(
        "SELECT l.step_id, l.revision, p.association_id, p.study_uid FROM performed_lists l"
        " JOIN performed_steps p ON p.id = l.step_id WHERE l.id = ?",
        (list_id,),
    ).fetchone()
    if row is None:
        return None
    named = connection.execute("SELECT sop_instance_uid FROM performed_instances WHERE step_id = ?", (row["step_id"],))
    instances = frozenset(each[0] for each in named)
    return PerformedList(row["step_id"], row["association_id"], row["study_uid"], row["revision"], instances)


def renew(connection: sqlite3.Connection, delivery_id: str) -> None:
    """Add a list for each completed step of a delivery's study, unless one waits to be told; inside a transaction.

    To be called when the delivery is past treatment: what became of its instances may be other than was told.
    """
    for row in connection.execute(_TO_RENEW, (delivery_id,)).fetchall():
        add(connection, row[0])


def waiting(connection: sqlite3.Connection, study_uid: str) -> list[str]:
    """The lists of a study's steps that wait to be told."""
    return [row[0] for row in connection.execute(_PENDING, (study_uid,)).fetchall()]


def waiting_for(connection: sqlite3.Connection, delivery_id: str) -> list[str]:
    """The lists that wait to be told, of the study that a delivery is of."""
    row = connection.execute("SELECT study_uid FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()
    return waiting(connection, row[0]) if row else []


def is_newest(connection: sqlite3.Connection, told: PerformedList) -> bool:
    """Whether no later list of the step will tell the same or more."""
    newest = connection.execute("SELECT max(revision) FROM performed_lists WHERE step_id = ?", (told.step_id,))
    return bool(newest.fetchone()[0] == told.revision)


def of_other_studies(connection: sqlite3.Connection, told: PerformedList) -> frozenset[str]:
    """Instances that the step names and that came as parts of another study."""
    rows = connection.execute(
        "SELECT n.sop_instance_uid FROM performed_instances n JOIN instances i"
        " ON i.sop_instance_uid = n.sop_instance_uid WHERE n.step_id = ? AND i.study_uid <> ?",
        (told.step_id, told.study_uid),
    )
    return frozenset(row[0] for row in rows)


def told_before(connection: sqlite3.Connection, step_id: str, project: str) -> str | None:
    """The last message of a step to a project, as it was sent; None before the first."""
    row = connection.execute(
        "SELECT e.body FROM performed_lists l JOIN evidence e ON e.association_id = l.id"
        " WHERE l.step_id = ? AND e.project = ? ORDER BY l.revision DESC LIMIT 1",
        (step_id, project),
    ).fetchone()
    return row[0] if row else None
