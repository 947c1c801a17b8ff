"""Variants: other bytes under a SOP Instance UID that is here already, and a person's word on which version counts.

Each version is acknowledged, durable and delivered like any object, with a revision of its own; in the research zone
the highest revision of an instance counts. Nothing here changes what was received.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from processors.ledger.schema import record_event

UNDECIDED: Final = """
    EXISTS (SELECT 1 FROM instances o WHERE o.sop_instance_uid = i.sop_instance_uid AND o.revision <> i.revision
            AND o.disposition <> 'duplicate')
    AND NOT EXISTS (SELECT 1 FROM variant_decisions v WHERE v.sop_instance_uid = i.sop_instance_uid
            AND v.highest >= (SELECT max(o.revision) FROM instances o WHERE o.sop_instance_uid = i.sop_instance_uid))
"""
"""Holds for an instance `i` of which several versions came, and nobody has said since the last which one counts."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an instance, as it came first."""

    revision: int
    digest: str
    size: int
    received_at: float
    delivery_id: str
    file: str
    calling_ae: str
    reason: str | None
    """Why its delivery waits for a person; None when it does not."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Which version counts, and who said so."""

    revision: int
    highest: int
    by: str
    reason: str
    at: float


@dataclass(frozen=True, slots=True, repr=False)
class Variant:
    """An instance with its versions, by revision. PHI, as its UID is the original one: it has no revealing repr."""

    sop_instance_uid: str
    versions: tuple[Version, ...]
    decisions: tuple[Decision, ...] = field(default=())

    @property
    def highest(self) -> int:
        """The last revision."""
        return self.versions[-1].revision

    @property
    def is_decided(self) -> bool:
        """Whether somebody said which one counts since the last of them came."""
        return any(decision.highest >= self.highest for decision in self.decisions)

    @property
    def counts(self) -> int:
        """The revision that counts: the decided one, else the highest."""
        return self.decisions[-1].revision if self.is_decided else self.highest

    def __repr__(self) -> str:
        return f"Variant(…, {len(self.versions)} versions)"


def uids(connection: sqlite3.Connection, *, decided: bool = False) -> Iterator[str]:
    """UIDs of instances with several versions: those that wait for a decision, or all of them."""
    rows = connection.execute(
        f"SELECT DISTINCT i.sop_instance_uid FROM instances i WHERE i.revision > 1 AND (?1 OR {UNDECIDED})"  # noqa: S608
        " ORDER BY i.sop_instance_uid",
        (decided,),
    )
    return (row[0] for row in rows.fetchall())


def of_uid(connection: sqlite3.Connection, sop_instance_uid: str) -> Variant | None:
    """An instance with all its versions; None when there is no more than one."""
    rows = connection.execute(
        """
        SELECT i.revision, i.digest, i.size, i.received_at, i.delivery_id, i.file, a.calling_ae,
            iif(d.state = 'parked', d.reason, NULL) AS reason
        FROM instances i JOIN deliveries d ON d.id = i.delivery_id
        LEFT JOIN associations a ON a.id = i.association_id
        WHERE i.sop_instance_uid = ? AND i.disposition <> 'duplicate' ORDER BY i.revision, i.id
        """,
        (sop_instance_uid,),
    ).fetchall()
    first = {row["revision"]: row for row in reversed(rows)}
    if len(first) < 2:
        return None
    decisions = connection.execute(
        "SELECT revision, highest, by, reason, at FROM variant_decisions WHERE sop_instance_uid = ? ORDER BY id",
        (sop_instance_uid,),
    )
    return Variant(
        sop_instance_uid,
        tuple(Version(**dict(first[revision])) for revision in sorted(first)),
        tuple(Decision(**dict(row)) for row in decisions),
    )


def decide(connection: sqlite3.Connection, variant: Variant, decision: Decision) -> None:
    """Record which version counts, inside a transaction; what is settled is retention's again."""
    connection.execute(
        "INSERT INTO variant_decisions (sop_instance_uid, revision, highest, by, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
        (variant.sop_instance_uid, decision.revision, decision.highest, decision.by, decision.reason, decision.at),
    )
    for version in variant.versions:
        connection.execute("UPDATE deliveries SET removed_at = NULL WHERE id = ?", (version.delivery_id,))
        detail = f"{version.file} revision {version.revision}; {decision.revision} counts"
        record_event(connection, decision.at, version.delivery_id, "variant-decided", detail)
