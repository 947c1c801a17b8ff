"""Modality Performed Procedure Steps and their state (PS3.4 F.7): made once, changed by who made them, ended once.

A step keeps the instances that it names and nothing else of what it says. Once completed, it is evidence. Whoever
makes or changes one may keep it elsewhere too: before the change is committed, so that this is never behind the ledger.
"""

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from processors.landing.performed_steps import Keep, KeptStep, State
from processors.ledger import evidence, performed_lists
from processors.ledger.schema import record_event, transaction

Outcome = Literal["done", "exists", "unknown", "not-yours", "ended", "incomplete"]
REMOVED: Final = "step-removed"
"""The event of a step whose file went from the landing when its days were over."""


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


@dataclass(frozen=True, slots=True, repr=False)
class Standing:
    """A step as the ledger has it. PHI: it has no revealing repr."""

    id: str
    state: str
    ended_at: float | None
    """Unix seconds; None while it is in progress."""
    instances: frozenset[str]

    def __repr__(self) -> str:
        return f"Standing({self.id}, {self.state}, …)"

    def is_like(self, step: KeptStep) -> bool:
        """Whether the landing says the same of it."""
        return (self.state, self.instances) == (step.state, step.instances)


def standing(connection: sqlite3.Connection, sop_instance_uid: str) -> Standing | None:
    """The step of this SOP Instance UID; None if there is none."""
    row = connection.execute(
        "SELECT id, state, ended_at FROM performed_steps WHERE sop_instance_uid = ?", (sop_instance_uid,)
    ).fetchone()
    return None if row is None else Standing(row["id"], row["state"], row["ended_at"], _named(connection, row["id"]))


def create(connection: sqlite3.Connection, new: NewStep, now: float, keep: Keep = lambda _: None) -> Outcome:
    """Enter a new step, in progress; `exists` if there is one of this SOP Instance UID.

    Args:
        connection: The ledger.
        new: The step.
        now: Unix seconds.
        keep: Called with the step as it will be, before that is committed; whatever it raises leaves all as it was.
    """
    step = KeptStep(
        id=secrets.token_hex(16),
        sop_instance_uid=new.sop_instance_uid,
        peer=new.peer,
        association_id=new.association_id,
        study_uid=new.study_uid,
        state="IN PROGRESS",
        created_at=now,
        instances=new.instances,
    )
    with transaction(connection):
        if _row(connection, new.sop_instance_uid) is not None:
            return "exists"
        _insert(connection, step)
        record_event(connection, now, step.id, "step-created", str(len(new.instances)))
        keep(step)
    return "done"


def change(connection: sqlite3.Connection, wanted: StepChange, now: float, keep: Keep = lambda _: None) -> Outcome:
    """Change a step that is in progress; one that becomes COMPLETED is evidence from now on.

    One that is to be COMPLETED and has never said what it made is `incomplete`, and changes nothing. `keep` is as for
    `create`.
    """
    with transaction(connection):
        step = _row(connection, wanted.sop_instance_uid)
        if step is None:
            return "unknown"
        if step["peer"] != wanted.peer:
            return "not-yours"
        if step["state"] != "IN PROGRESS":
            return "ended"
        if wanted.state == "COMPLETED" and wanted.instances is None and not _named(connection, step["id"]):
            return "incomplete"
        state = wanted.state or "IN PROGRESS"
        changed = KeptStep(
            **dict(step)
            | {"state": state, "ended_at": None if state == "IN PROGRESS" else now}
            | {"instances": _named(connection, step["id"]) if wanted.instances is None else wanted.instances}
        )
        _update(connection, changed, now)
        keep(changed)
    return "done"


def enter(connection: sqlite3.Connection, step: KeptStep, now: float) -> bool:
    """Bring the ledger to where a step stands, inside a transaction; False if it has the step like that, or ended.

    For a step that outlived its ledger, or the last transactions of it. What is told of it from now on counts as newer
    than anything that was told before, of which nobody knows any more.
    """
    row = _row(connection, step.sop_instance_uid)
    if row is None:
        _insert(connection, step.model_copy(update={"state": "IN PROGRESS", "ended_at": None}))
    else:
        is_open = row["id"] == step.id and row["state"] == "IN PROGRESS"
        says_more = step.state != "IN PROGRESS" or step.instances != _named(connection, step.id)
        if not (is_open and says_more):
            return False
    record_event(connection, now, step.id, "step-found")
    _update(connection, step, now, first_revision=max(int(now), 1))
    return True


def ended_ids(connection: sqlite3.Connection) -> set[str]:
    """The ids of all steps that nobody can change any more."""
    return {row[0] for row in connection.execute("SELECT id FROM performed_steps WHERE state <> 'IN PROGRESS'")}


def _insert(connection: sqlite3.Connection, step: KeptStep) -> None:
    connection.execute(
        "INSERT INTO performed_steps (sop_instance_uid, id, peer, association_id, study_uid, state, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (step.sop_instance_uid, step.id, step.peer, step.association_id, step.study_uid, step.state, step.created_at),
    )
    _name(connection, step.id, step.instances)


def _update(connection: sqlite3.Connection, step: KeptStep, now: float, first_revision: int = 1) -> None:
    """Have the ledger say what the step says; the one that it has is in progress."""
    if step.instances != _named(connection, step.id):
        connection.execute("DELETE FROM performed_instances WHERE step_id = ?", (step.id,))
        _name(connection, step.id, step.instances)
    if step.state == "IN PROGRESS":
        return
    connection.execute(
        "UPDATE performed_steps SET state = ?, ended_at = ? WHERE id = ?", (step.state, step.ended_at, step.id)
    )
    record_event(connection, now, step.id, f"step-{step.state.lower()}")
    if step.state == "COMPLETED":
        performed_lists.add(connection, step.id, first_revision)
    for list_id in performed_lists.waiting(connection, step.study_uid):
        evidence.ready(connection, list_id)


def _row(connection: sqlite3.Connection, sop_instance_uid: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT sop_instance_uid, id, peer, association_id, study_uid, state, created_at FROM performed_steps"
        " WHERE sop_instance_uid = ?",
        (sop_instance_uid,),
    ).fetchone()
    return found


def _named(connection: sqlite3.Connection, step_id: str) -> frozenset[str]:
    rows = connection.execute("SELECT sop_instance_uid FROM performed_instances WHERE step_id = ?", (step_id,))
    return frozenset(row[0] for row in rows)


def _name(connection: sqlite3.Connection, step_id: str, instances: Iterable[str]) -> None:
    connection.executemany(
        "INSERT INTO performed_instances (step_id, sop_instance_uid) VALUES (?, ?)",
        [(step_id, uid) for uid in sorted(instances)],
    )
