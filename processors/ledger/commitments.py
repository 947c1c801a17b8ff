"""Requests for storage commitment: what was asked, what was answered, and what is still to be told (PS3.4 annex J).

| state | means |
|---|---|
| requested | the list is durable; nobody has looked yet |
| judged | each instance has its answer, and what was promised holds; the requester has not heard |
| reported | the requester has confirmed the N-EVENT-REPORT |
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal

from processors.landing.commitments import CommitmentRequest, ReferencedInstance
from processors.ledger import commitment_lists, evidence
from processors.ledger.promises import promise
from processors.ledger.schema import record_event

State = Literal["requested", "judged", "reported"]
STATES: Final[tuple[State, ...]] = ("requested", "judged", "reported")


@dataclass(frozen=True, slots=True, repr=False)
class Commitment:
    """One request. PHI: it has no revealing repr."""

    id: str
    transaction_uid: str
    association_id: str
    calling_ae: str
    called_ae: str
    address: str
    peer: str
    received_at: float
    state: State
    total: int
    failed: int | None = None
    kept_until: float | None = None
    reason: str | None = None
    attempts: int = 0
    due_at: float | None = None
    reported_at: float | None = None

    def __repr__(self) -> str:
        return f"Commitment({self.id}, {self.state}, {self.total})"


@dataclass(frozen=True, slots=True, repr=False)
class CommittedInstance:
    """One instance of a request, in its place. PHI: it has no revealing repr."""

    number: int
    sop_class_uid: str
    sop_instance_uid: str
    failure: int | None = None
    """Failure Reason (0008,1197); None when there is none, or it is not judged yet."""

    def __repr__(self) -> str:
        return f"CommittedInstance({self.number}, …)"


_COLUMNS: Final = ", ".join(field.name for field in fields(Commitment))


def add(connection: sqlite3.Connection, request: CommitmentRequest, found_at: float | None = None) -> bool:
    """Enter a request, due at once unless it was reported, inside a transaction; False if it is there already.

    Args:
        connection: The ledger.
        request: The request.
        found_at: When it was found in the landing, after another ledger was lost, Unix seconds; None for a new one.
            What that ledger promised over it is promised again, and its list counts as newer than any that was told.
    """
    reported = request.reported_at is not None
    added = connection.execute(
        "INSERT OR IGNORE INTO commitments (id, transaction_uid, association_id, calling_ae, called_ae, address, peer,"
        " received_at, state, total, due_at, reported_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            request.id,
            request.transaction_uid,
            request.association_id,
            request.calling_ae,
            request.called_ae,
            request.address,
            request.peer,
            request.received_at,
            "reported" if reported else "requested",
            len(request.instances),
            None if reported else 0.0,
            request.reported_at,
        ),
    ).rowcount
    if not added:
        return False
    connection.executemany(
        "INSERT INTO commitment_instances (commitment_id, number, sop_class_uid, sop_instance_uid) VALUES (?, ?, ?, ?)",
        [
            (request.id, number, one.sop_class_uid, one.sop_instance_uid)
            for number, one in enumerate(request.instances, 1)
        ],
    )
    record_event(connection, request.received_at, request.id, "commitment-requested", str(len(request.instances)))
    if found_at is not None:
        record_event(connection, found_at, request.id, "commitment-found")
    if request.kept_until is not None:
        _promise_again(connection, request.id, request.kept_until, request.received_at)
    if reported:
        _list(connection, request.id)
    return True


def get(connection: sqlite3.Connection, commitment_id: str) -> Commitment | None:
    """One request; None when there is no such one."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM commitments WHERE id = ?", (commitment_id,)).fetchone()  # noqa: S608
    return Commitment(**dict(row)) if row else None


def known_ids(connection: sqlite3.Connection) -> set[str]:
    """The ids of all requests."""
    return {row[0] for row in connection.execute("SELECT id FROM commitments")}


def of_transaction(connection: sqlite3.Connection, calling_ae: str, transaction_uid: str) -> list[Commitment]:
    """All requests of a caller under one Transaction UID, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM commitments WHERE transaction_uid = ? AND calling_ae = ? ORDER BY received_at, rowid",  # noqa: S608
        (transaction_uid, calling_ae),
    )
    return [Commitment(**dict(row)) for row in rows]


def last_of(connection: sqlite3.Connection, transaction_uid: str) -> Commitment | None:
    """The last request under a Transaction UID, of whomever; None when there is none."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM commitments WHERE transaction_uid = ? ORDER BY received_at DESC, rowid DESC LIMIT 1",  # noqa: S608
        (transaction_uid,),
    ).fetchone()
    return Commitment(**dict(row)) if row else None


def newest(
    connection: sqlite3.Connection, *, state: State | None = None, peer: str | None = None, most: int = 20
) -> list[Commitment]:
    """The last requests, newest first; of a peer by its name in the peers file or by its calling AE title."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM commitments WHERE (?1 IS NULL OR state = ?1)"  # noqa: S608
        " AND (?2 IS NULL OR peer = ?2 OR calling_ae = ?2) ORDER BY received_at DESC, rowid DESC LIMIT ?3",
        (state, peer, most),
    )
    return [Commitment(**dict(row)) for row in rows]


def instances(connection: sqlite3.Connection, commitment_id: str) -> list[CommittedInstance]:
    """The instances of a request, in its order."""
    rows = connection.execute(
        "SELECT number, sop_class_uid, sop_instance_uid, failure FROM commitment_instances WHERE commitment_id = ?"
        " ORDER BY number",
        (commitment_id,),
    )
    return [CommittedInstance(**dict(row)) for row in rows]


def names(connection: sqlite3.Connection, commitment_id: str, wanted: Sequence[ReferencedInstance]) -> bool:
    """Whether a request names exactly these instances."""
    kept = Counter((one.sop_class_uid, one.sop_instance_uid) for one in instances(connection, commitment_id))
    return kept == Counter((one.sop_class_uid, one.sop_instance_uid) for one in wanted)


def due(connection: sqlite3.Connection, now: float) -> Commitment | None:
    """What to do next: a request that nobody has looked at, or else the report that has waited longest."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM commitments WHERE due_at <= ? ORDER BY state <> 'requested', due_at, rowid LIMIT 1",  # noqa: S608
        (now,),
    ).fetchone()
    return Commitment(**dict(row)) if row else None


def next_due(connection: sqlite3.Connection) -> float | None:
    """When something is to be done next, Unix seconds; None when nothing ever is."""
    due_at: float | None = connection.execute(
        "SELECT min(due_at) FROM commitments WHERE due_at IS NOT NULL"
    ).fetchone()[0]
    return due_at


def start_anew(connection: sqlite3.Connection) -> None:
    """Make everything due that is not reported, inside a transaction: a peer may be there again."""
    connection.execute("UPDATE commitments SET due_at = 0 WHERE state IN ('requested', 'judged')")


def postpone(connection: sqlite3.Connection, peer: str, until: float) -> None:
    """Let all reports for a peer wait that would be sent before, inside a transaction."""
    connection.execute(
        "UPDATE commitments SET due_at = ?2 WHERE peer = ?1 AND state = 'judged' AND due_at < ?2", (peer, until)
    )


def wait(connection: sqlite3.Connection, commitment_id: str, until: float) -> None:
    """Look at it again later, inside a transaction."""
    connection.execute("UPDATE commitments SET due_at = ? WHERE id = ?", (until, commitment_id))


def judged(
    connection: sqlite3.Connection,
    commitment_id: str,
    failures: Mapping[int, int],
    kept_until: float | None,
    now: float,
) -> None:
    """Keep the answers instead of any before, inside a transaction. Its list becomes evidence.

    Args:
        connection: The ledger.
        commitment_id: Which request.
        failures: Failure Reason by number, of those that failed.
        kept_until: Until when all others were promised; None when there are none.
        now: Unix seconds.
    """
    connection.execute(
        "UPDATE commitment_instances SET failure = NULL WHERE commitment_id = ? AND failure IS NOT NULL",
        (commitment_id,),
    )
    connection.executemany(
        "UPDATE commitment_instances SET failure = ? WHERE commitment_id = ? AND number = ?",
        [(failure, commitment_id, number) for number, failure in failures.items()],
    )
    connection.execute(
        "UPDATE commitments SET state = 'judged', failed = ?, kept_until = ?, due_at = 0 WHERE id = ?",
        (len(failures), kept_until, commitment_id),
    )
    reasons = Counter(failures.values())
    detail = ", ".join(f"{reason:04X} x {number}" for reason, number in sorted(reasons.items()))
    record_event(connection, now, commitment_id, "commitment-judged", detail or "success")
    _list(connection, commitment_id)


def judged_at(connection: sqlite3.Connection, commitment_id: str) -> float:
    """When it was judged last, Unix seconds; 0 if never."""
    at: float = connection.execute(
        "SELECT ifnull(max(at), 0.0) FROM events WHERE subject = ? AND event = 'commitment-judged'", (commitment_id,)
    ).fetchone()[0]
    return at


def ask_again(connection: sqlite3.Connection, commitment_id: str) -> None:
    """The requester has asked the same once more, inside a transaction.

    What it was told may hold no longer, so that is judged anew; what it has not heard is told at once.
    """
    connection.execute(
        "UPDATE commitments SET state = 'requested', failed = NULL, kept_until = NULL, attempts = 0, reason = NULL,"
        " reported_at = NULL WHERE id = ? AND state = 'reported'",
        (commitment_id,),
    )
    connection.execute("UPDATE commitments SET due_at = 0 WHERE id = ?", (commitment_id,))


def reported(connection: sqlite3.Connection, commitment_id: str, now: float) -> None:
    """The requester has confirmed, inside a transaction."""
    connection.execute(
        "UPDATE commitments SET state = 'reported', reason = NULL, due_at = NULL, attempts = attempts + 1,"
        " reported_at = ? WHERE id = ?",
        (now, commitment_id),
    )
    record_event(connection, now, commitment_id, "commitment-reported")


def not_reported(connection: sqlite3.Connection, commitment_id: str, code: str, again_at: float, now: float) -> None:
    """An attempt came to nothing, inside a transaction; there is another one."""
    connection.execute(
        "UPDATE commitments SET attempts = attempts + 1, reason = ?, due_at = ? WHERE id = ?",
        (code, again_at, commitment_id),
    )
    record_event(connection, now, commitment_id, "commitment-not-reported", code)


def _promise_again(connection: sqlite3.Connection, commitment_id: str, until: float, now: float) -> None:
    rows = connection.execute(
        "SELECT DISTINCT i.delivery_id FROM commitment_instances c JOIN instances i"
        " ON i.sop_instance_uid = c.sop_instance_uid WHERE c.commitment_id = ? AND i.delivery_id IS NOT NULL",
        (commitment_id,),
    )
    for row in rows.fetchall():
        promise(connection, row["delivery_id"], until, now)


def _list(connection: sqlite3.Connection, commitment_id: str) -> None:
    """Have the list told as evidence, once what is here of it is past treatment."""
    found_at = connection.execute(
        "SELECT max(at) FROM events WHERE subject = ? AND event = 'commitment-found'", (commitment_id,)
    ).fetchone()[0]
    if (new := commitment_lists.add(connection, commitment_id, max(int(found_at or 0), 1))) is not None:
        evidence.ready(connection, new)
