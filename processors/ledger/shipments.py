"""Shipments: one delivery for one destination each, from the decision to the receipt."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal

from processors.ledger import evidence
from processors.ledger.schema import record_event

State = Literal["routed", "packaged", "quarantined", "confirmed", "parked", "closed"]
TERMINAL: Final = frozenset({"quarantined", "confirmed", "parked", "closed"})
"""States that a shipment leaves only by a person's word."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One row; `treatment` is JSON and pinned at routing."""

    id: str
    delivery_id: str
    destination: str
    project: str
    profile: str
    treatment: str
    state: State
    reason: str | None = None
    attempts: int = 0
    workers_lost: int = 0
    package_sha256: str | None = None
    package_size: int | None = None
    passed: int | None = None
    withheld: int | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one instance of a shipment; `reason` is given for a withheld one."""

    file: str
    reason: str | None = None


_COLUMNS = ", ".join(field.name for field in fields(Shipment))


def get(connection: sqlite3.Connection, shipment_id: str) -> Shipment | None:
    """One shipment; None when there is no such one."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM shipments WHERE id = ?", (shipment_id,)).fetchone()  # noqa: S608
    return Shipment(**dict(row)) if row else None


def of_delivery(connection: sqlite3.Connection, delivery_id: str) -> list[Shipment]:
    """All shipments of a delivery, in the order in which the rules gave them."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM shipments WHERE delivery_id = ? ORDER BY rowid",  # noqa: S608
        (delivery_id,),
    )
    return [Shipment(**dict(row)) for row in rows]


def pin(connection: sqlite3.Connection, delivery_id: str, decided: Sequence[Shipment], now: float) -> None:
    """Keep a decision; from now on it is what every announcement of the delivery finds."""
    connection.executemany(
        "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state, reason, terminal_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (s.id, s.delivery_id, s.destination, s.project, s.profile, s.treatment, s.state, s.reason, None)
            for s in decided
        ],
    )
    connection.execute("UPDATE deliveries SET state = 'routed' WHERE id = ?", (delivery_id,))
    record_event(connection, now, delivery_id, "routed", str(len(decided)))
    if decided and all(shipment.state == "parked" for shipment in decided):
        park_delivery(connection, delivery_id, decided[0].reason or "held", now)


def park_delivery(connection: sqlite3.Connection, delivery_id: str, reason: str, now: float) -> None:
    """The delivery waits in the ledger for a person or another rule; it is not announced until then."""
    connection.execute(
        "UPDATE deliveries SET state = 'parked', reason = ?, due_at = NULL WHERE id = ?", (reason, delivery_id)
    )
    record_event(connection, now, delivery_id, "parked", reason)
    evidence.ready_after(connection, delivery_id)


def begin_attempt(connection: sqlite3.Connection, shipment_id: str, now: float) -> None:
    """Count an attempt, before it can take anything down with it."""
    connection.execute("UPDATE shipments SET attempts = attempts + 1 WHERE id = ?", (shipment_id,))
    record_event(connection, now, shipment_id, "treating")


def lose_worker(connection: sqlite3.Connection, shipment_id: str, now: float) -> int:
    """Count a worker that died over this shipment; returns how many did."""
    record_event(connection, now, shipment_id, "worker-lost")
    row = connection.execute(
        "UPDATE shipments SET workers_lost = workers_lost + 1 WHERE id = ? RETURNING workers_lost", (shipment_id,)
    ).fetchone()
    return int(row[0])


def package(
    connection: sqlite3.Connection,
    shipment: Shipment,
    *,
    sha256: str,
    size: int,
    treatment: str,
    fates: Iterable[Fate],
    now: float,
) -> None:
    """The package lies in the landing under its final name."""
    passed, withheld = _record_fates(connection, shipment, fates)
    connection.execute(
        "UPDATE shipments SET state = 'packaged', package_sha256 = ?, package_size = ?, treatment = ?, passed = ?,"
        " withheld = ?, packaged_at = ? WHERE id = ?",
        (sha256, size, treatment, passed, withheld, now, shipment.id),
    )
    record_event(connection, now, shipment.id, "packaged", f"{passed} passed, {withheld} withheld")
    evidence.ready_after(connection, shipment.delivery_id)


def quarantine(connection: sqlite3.Connection, shipment: Shipment, fates: Iterable[Fate], now: float) -> None:
    """Every instance was withheld; nothing leaves."""
    _, withheld = _record_fates(connection, shipment, fates)
    connection.execute("UPDATE shipments SET passed = 0, withheld = ? WHERE id = ?", (withheld, shipment.id))
    _end(connection, shipment, "quarantined", "all-withheld", now)
    evidence.ready_after(connection, shipment.delivery_id)


def confirm(connection: sqlite3.Connection, shipment: Shipment, receipt: str, now: float) -> bool:
    """The handoff has it, by a receipt that was verified. Returns whether the delivery is terminal now."""
    connection.execute("UPDATE shipments SET receipt = ? WHERE id = ?", (receipt, shipment.id))
    return _end(connection, shipment, "confirmed", None, now)


def park(connection: sqlite3.Connection, shipment: Shipment, reason: str, now: float) -> bool:
    """The handoff refuses it; a person must look. Returns whether the delivery is terminal now."""
    return _end(connection, shipment, "parked", reason, now)


def hold(connection: sqlite3.Connection, shipment: Shipment, reason: str, now: float) -> bool:
    """A person must look before it may leave, at a package or before there is one. Returns whether all is terminal."""
    terminal = _end(connection, shipment, "parked", reason, now)
    evidence.ready_after(connection, shipment.delivery_id)
    return terminal


def close(connection: sqlite3.Connection, shipment: Shipment, reason: str, now: float) -> bool:
    """Nobody wants it any more. Returns whether the delivery is terminal now."""
    return _end(connection, shipment, "closed", reason, now)


def _end(connection: sqlite3.Connection, shipment: Shipment, state: State, reason: str | None, now: float) -> bool:
    connection.execute(
        "UPDATE shipments SET state = ?, reason = ?, terminal_at = ? WHERE id = ?", (state, reason, now, shipment.id)
    )
    record_event(connection, now, shipment.id, state, reason)
    settled = connection.execute(
        "UPDATE deliveries SET state = 'terminal', due_at = NULL WHERE id = ?1 AND state != 'terminal'"
        " AND NOT EXISTS (SELECT 1 FROM shipments WHERE delivery_id = ?1 AND state IN ('routed', 'packaged'))",
        (shipment.delivery_id,),
    ).rowcount
    if settled:
        record_event(connection, now, shipment.delivery_id, "terminal")
    return settled > 0


def _record_fates(connection: sqlite3.Connection, shipment: Shipment, fates: Iterable[Fate]) -> tuple[int, int]:
    rows = connection.execute("SELECT file, id FROM instances WHERE delivery_id = ?", (shipment.delivery_id,))
    ids = {row["file"]: row["id"] for row in rows}
    judged = [(shipment.id, ids[fate.file], "withheld" if fate.reason else "passed", fate.reason) for fate in fates]
    connection.executemany(
        "INSERT OR REPLACE INTO shipment_instances (shipment_id, instance_id, state, reason) VALUES (?, ?, ?, ?)",
        judged,
    )
    withheld = sum(row[2] == "withheld" for row in judged)
    return len(judged) - withheld, withheld
