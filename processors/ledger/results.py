"""Results: objects that runs made, on their way back into the PACS.

| state | means |
|---|---|
| fetched | the object lies durably in the landing, and nothing has judged it yet |
| held | it may not go back; a person must look. `reason` is the code |
| ready | re-identified; `file` lies in the landing, its UIDs are pinned, and it is to be sent |
| sent | the PACS answered Success for exactly this file; never sent again |
| parked | the PACS refused it; a person must look. `reason` is the code |
| closed | a person ended it, with a reason |

Each function that writes makes its own transaction.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from typing import Final, Literal

from processors.ledger import announcements
from processors.ledger.schema import record_event, transaction

State = Literal["fetched", "held", "ready", "sent", "parked", "closed"]
WITHDRAWN: Final = "withdrawn"
"""Why an object was closed whose patient took their consent back."""
STATES: Final[tuple[State, ...]] = ("fetched", "held", "ready", "sent", "parked", "closed")


@dataclass(frozen=True, slots=True)
class ResultObject:
    """One row: an object of a result, and where it is on its way back."""

    id: str
    handoff_id: str
    path: str
    """Below the handoff's result."""
    sha256: str
    size: int
    project: str
    destination: str
    """The peer that it is for, by name."""
    state: State
    reason: str | None = None
    n: int = 0
    """Number of the last announcement; 0 while only the poll has brought it."""
    seen_n: int = 0
    due_at: float | None = None
    attempts: int = 0
    """How often it was tried to send it."""
    study_uid: str | None = None
    """The original study that it belongs to."""
    sop_instance_uid: str | None = None
    """Minted here, and pinned before anything is sent."""
    file: str | None = None
    """The re-identified object: a path relative to the landing."""
    fetched_at: float | None = None
    sent_at: float | None = None


_COLUMNS = ", ".join(field.name for field in fields(ResultObject))


def get(connection: sqlite3.Connection, result_id: str) -> ResultObject | None:
    """One object; None when there is no such one."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM results WHERE id = ?", (result_id,)).fetchone()  # noqa: S608
    return ResultObject(**dict(row)) if row else None


def of_state(connection: sqlite3.Connection, *states: State) -> list[ResultObject]:
    """All objects in these states, in all states when none is given; oldest first."""
    chosen = states or STATES
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM results WHERE state IN ({', '.join('?' * len(chosen))}) ORDER BY fetched_at, id",  # noqa: S608
        chosen,
    )
    return [ResultObject(**dict(row)) for row in rows]


def of_handoffs(connection: sqlite3.Connection, handoffs: Iterable[str]) -> list[ResultObject]:
    """All objects that these runs made."""
    found = []
    for handoff in handoffs:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM results WHERE handoff_id = ? ORDER BY path", (handoff,))  # noqa: S608
        found += [ResultObject(**dict(row)) for row in rows]
    return found


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """Objects by state; every state is a key."""
    rows = connection.execute("SELECT state, count(*) FROM results GROUP BY state")
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}


def fetched(connection: sqlite3.Connection, new: ResultObject, now: float) -> bool:
    """Enter an object that lies durably in the landing; False when it was known already."""
    with transaction(connection):
        added = connection.execute(
            "INSERT OR IGNORE INTO results (id, handoff_id, path, sha256, size, project, destination, state, due_at,"
            " fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'fetched', ?, ?)",
            (*_facts(new), now + announcements.LEASE_SECONDS, now),
        ).rowcount
        if added:
            record_event(connection, now, new.id, "fetched")
    return added > 0


def found_again(connection: sqlite3.Connection, row: ResultObject, now: float) -> bool:
    """Enter what only the landing knows; False when the ledger knows it. What did not end is due at once."""
    ended = row.state in {"sent", "closed"}
    with transaction(connection):
        added = connection.execute(
            f"INSERT OR IGNORE INTO results ({_COLUMNS}) VALUES ({', '.join('?' * len(fields(row)))})",  # noqa: S608
            astuple(replace(row, due_at=None if ended else now)),
        ).rowcount
        if added:
            record_event(connection, now, row.id, "found-again", row.state)
    return added > 0


def seen(connection: sqlite3.Connection, result_id: str, n: int, now: float) -> bool:
    """Take up announcement n: from now on it has an hour. False when a later one, or nothing more, is to be done."""
    return announcements.see(connection, "result", result_id, n, now) == "current"


def ready(
    connection: sqlite3.Connection,
    result_id: str,
    *,
    study_uid: str,
    sop_instance_uid: str,
    file: str,
    now: float,
    destination: str | None = None,
    detail: str | None = None,
) -> None:
    """Pin what is to be sent: from now on every attempt sends this file, under this UID, to this peer."""
    with transaction(connection):
        changed = connection.execute(
            "UPDATE results SET state = 'ready', reason = NULL, study_uid = ?, sop_instance_uid = ?,"
            " destination = coalesce(?, destination), file = ? WHERE id = ? AND state = 'fetched'",
            (study_uid, sop_instance_uid, destination, file, result_id),
        ).rowcount
        if changed:
            record_event(connection, now, result_id, "ready", detail)


def held(connection: sqlite3.Connection, result_id: str, code: str, now: float) -> None:
    """It may not go back; it waits here for a person."""
    _end(connection, result_id, "held", code, now, "fetched")


def begin_attempt(connection: sqlite3.Connection, result_id: str, now: float) -> int:
    """Count an attempt to send, before it starts; returns how many there were with this one."""
    with transaction(connection):
        row = connection.execute(
            "UPDATE results SET attempts = attempts + 1 WHERE id = ? RETURNING attempts", (result_id,)
        ).fetchone()
        record_event(connection, now, result_id, "sending")
    return int(row[0])


def sent(connection: sqlite3.Connection, result_id: str, status: int, now: float) -> None:
    """The PACS has it; `status` is that of its C-STORE response (0000, or a warning).

    That is so also of what was withdrawn while it was being sent.
    """
    with transaction(connection):
        changed = connection.execute(
            "UPDATE results SET state = 'sent', reason = NULL, due_at = NULL, sent_at = ? WHERE id = ?"
            " AND (state IN ('ready', 'parked') OR state = 'closed' AND reason = ?)",
            (now, result_id, WITHDRAWN),
        ).rowcount
        if changed:
            record_event(connection, now, result_id, "sent", f"{status:04X}")


def removed(connection: sqlite3.Connection, result_id: str, now: float) -> None:
    """Its files are not in the landing any more: it ended long enough ago."""
    with transaction(connection):
        connection.execute("UPDATE results SET file = NULL WHERE id = ? AND state IN ('sent', 'closed')", (result_id,))
        record_event(connection, now, result_id, "removed")


def try_again(connection: sqlite3.Connection, result_id: str, n: int, code: str, now: float) -> None:
    """After a failure of announcement n: announce again, later and later, unless a later one is on its way."""
    announcements.try_again(connection, "result", result_id, n, code, now)


def refused(connection: sqlite3.Connection, result_id: str, code: str, now: float) -> None:
    """The PACS will not have it however often it is sent; it waits here for a person."""
    _end(connection, result_id, "parked", code, now, "ready")


def close(connection: sqlite3.Connection, result_id: str, reason: str, now: float) -> bool:
    """A person ends what is held or parked, saying why. False when it was neither."""
    return _end(connection, result_id, "closed", reason, now, "held", "parked")


def withdraw(connection: sqlite3.Connection, result_id: str, now: float) -> bool:
    """Its patient took their consent back: it is never sent. False when it had been, or had ended before."""
    return _end(connection, result_id, "closed", WITHDRAWN, now, "fetched", "held", "ready", "parked")


def release(connection: sqlite3.Connection, result_id: str, now: float) -> bool:
    """A person has what is held judged, or what is parked sent, once more. False when it was neither."""
    with transaction(connection):
        changed = connection.execute(
            "UPDATE results SET state = iif(state = 'held', 'fetched', 'ready'), reason = NULL, due_at = ?"
            " WHERE id = ? AND state IN ('held', 'parked')",
            (now, result_id),
        ).rowcount
        if changed:
            record_event(connection, now, result_id, "released")
    return changed > 0


def _facts(new: ResultObject) -> tuple[str | int, ...]:
    return new.id, new.handoff_id, new.path, new.sha256, new.size, new.project, new.destination


def _end(connection: sqlite3.Connection, result_id: str, state: State, reason: str, now: float, *before: State) -> bool:
    among = ", ".join("?" * len(before))
    with transaction(connection):
        changed = connection.execute(
            f"UPDATE results SET state = ?, reason = ?, due_at = NULL WHERE id = ? AND state IN ({among})",  # noqa: S608
            (state, reason, result_id, *before),
        ).rowcount
        if changed:
            record_event(connection, now, result_id, state, reason)
    return changed > 0
