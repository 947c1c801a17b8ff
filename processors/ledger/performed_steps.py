"""Modality Performed Procedure Steps and their state (PS3.4 F.7): made once, changed by who made them, ended once.

A step keeps the instances that it names and nothing else of what it says. Once completed, it is evidence.
"""

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from processors.ledger import evidence, performed_lists
from processors.ledger.schema import record_event, transaction

State = Literal["IN PROGRESS", "COMPLETED", "DISCONTINUED"]
Outcome = Literal["done", "exists", "unknown", "not-yours", "ended", "incomplete"]


@dataclass(frozen=True, slots=True, repr=False)
class NewStep:
    """A step as it is made. PHI: it has no revealing repr."""

    sop_instance_uid: str
    peer: str
    association_id: str
    study_uid: str
    """Empty if it names several."""
    instances: frozenset[str]
    """SOP Instance UIDs that it names already."""

    def __repr__(self) -> str:
        return "NewStep(…)"


@dataclass(frozen=True, slots=True, repr=False)
class StepChange:
    """What changes; None is what stays as it is. PHI: it has no revealing repr."""

    sop_instance_uid: str
    peer: str
    state: State | None
    instances: frozenset[str] | None

    def __repr__(self) -> str:
        return f"StepChange({self.state}, …)"


def create(connection: sqlite3.Connection, new: NewStep, now: float) -> Outcome:
    """Keep a new step, in progress; `exists` if there is one of this SOP Instance UID."""
    id_ = secrets.token_hex(16)
    with transaction(connection):
        if _row(connection, new.sop_instance_uid) is not None:
            return "exists"
        connection.execute(
            "INSERT INTO performed_steps (sop_instance_uid, id, peer, association_id, study_uid, state, created_at)"
            " VALUES (?, ?, ?, ?, ?, 'IN PROGRESS', ?)",
            (new.sop_instance_uid, id_, new.peer, new.association_id, new.study_uid, now),
        )
        _name(connection, id_, new.instances)
        record_event(connection, now, id_, "step-created", str(len(new.instances)))
    return "done"


def change(connection: sqlite3.Connection, wanted: StepChange, now: float) -> Outcome:
    """Change a step that is in progress; one that becomes COMPLETED is evidence from now on.

    One that is to be COMPLETED and has never said what it made is `incomplete`, and changes nothing.
    """
    with transaction(connection):
        step = _row(connection, wanted.sop_instance_uid)
        if step is None:
            return "unknown"
        if step["peer"] != wanted.peer:
            return "not-yours"
        if step["state"] != "IN PROGRESS":
            return "ended"
        if wanted.state == "COMPLETED" and wanted.instances is None and not _names_any(connection, step["id"]):
            return "incomplete"
        if wanted.instances is not None:
            connection.execute("DELETE FROM performed_instances WHERE step_id = ?", (step["id"],))
            _name(connection, step["id"], wanted.instances)
        if wanted.state in {"COMPLETED", "DISCONTINUED"}:
            _end(connection, step, wanted.state, now)
    return "done"


def _end(connection: sqlite3.Connection, step: sqlite3.Row, state: State, now: float) -> None:
    connection.execute("UPDATE performed_steps SET state = ?, ended_at = ? WHERE id = ?", (state, now, step["id"]))
    record_event(connection, now, step["id"], f"step-{state.lower()}")
    if state == "COMPLETED":
        performed_lists.add(connection, step["id"])
    for list_id in performed_lists.waiting(connection, step["study_uid"]):
        evidence.ready(connection, list_id)


def _row(connection: sqlite3.Connection, sop_instance_uid: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT id, peer, study_uid, state FROM performed_steps WHERE sop_instance_uid = ?", (sop_instance_uid,)
    ).fetchone()
    return found


def _names_any(connection: sqlite3.Connection, step_id: str) -> bool:
    named = connection.execute("SELECT 1 FROM performed_instances WHERE step_id = ?", (step_id,))
    return named.fetchone() is not None


def _name(connection: sqlite3.Connection, step_id: str, instances: Iterable[str]) -> None:
    connection.executemany(
        "INSERT INTO performed_instances (step_id, sop_instance_uid) VALUES (?, ?)",
        [(step_id, uid) for uid in sorted(instances)],
    )
