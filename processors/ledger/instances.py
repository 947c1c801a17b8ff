"""Rows of `instances`: one per instance that was answered with Success."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from processors.landing.delivery import Delivery
from processors.landing.journal import DuplicateInstance


@dataclass(frozen=True, slots=True)
class EarlierInstance:
    """What the ledger knows of an instance that was received before."""

    digest: str
    called_ae: str
    revision: int
    is_alive: bool
    """It is in flight, or confirmed at all destinations and withheld from none: a resend would bring nothing new."""


def earlier(connection: sqlite3.Connection, sop_instance_uid: str) -> list[EarlierInstance]:
    """All instances under this UID for which a file was kept, oldest first."""
    rows = connection.execute(
        """
        SELECT i.digest, i.called_ae, i.revision,
            d.state <> 'parked' AND NOT EXISTS (
                SELECT 1 FROM shipments s
                WHERE s.delivery_id = d.id AND s.state IN ('quarantined', 'parked', 'closed')
            ) AND NOT EXISTS (
                SELECT 1 FROM shipment_instances si WHERE si.instance_id = i.id AND si.state = 'withheld'
            ) AS is_alive
        FROM instances i JOIN deliveries d ON d.id = i.delivery_id
        WHERE i.sop_instance_uid = ? AND i.disposition <> 'duplicate' ORDER BY i.id
        """,
        (sop_instance_uid,),
    )
    return [EarlierInstance(row[0], row[1], row[2], bool(row[3])) for row in rows]


def add_delivered(connection: sqlite3.Connection, delivery: Delivery, received_at: Sequence[float]) -> None:
    """Add the instances of a sealed delivery, and let duplicates that came earlier point to them."""
    for instance, at in zip(delivery.instances, received_at, strict=True):
        row = connection.execute(
            """
            INSERT INTO instances (association_id, delivery_id, sop_instance_uid, sop_class_uid, study_uid, series_uid,
                called_ae, revision, digest, size, file, received_at, disposition)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'delivered')
            """,
            (
                delivery.association_id,
                delivery.id,
                instance.sop_instance_uid,
                instance.sop_class_uid,
                delivery.study_instance_uid,
                delivery.series_instance_uid,
                delivery.called_ae,
                instance.revision,
                instance.digest,
                instance.size,
                instance.file,
                at,
            ),
        )
        connection.execute(
            """
            UPDATE instances SET duplicate_of = ?
            WHERE sop_instance_uid = ? AND digest = ? AND called_ae = ? AND disposition = 'duplicate'
                AND duplicate_of IS NULL
            """,
            (row.lastrowid, instance.sop_instance_uid, instance.digest, delivery.called_ae),
        )


def add_duplicates(
    connection: sqlite3.Connection, association_id: str, called_ae: str, duplicates: Sequence[DuplicateInstance]
) -> None:
    """Add instances for which no file was kept, each pointing to the one that was here (once that has a row).

    Call it with pieces in the order in which they came, or with all: see `without_entered`.
    """
    connection.executemany(
        """
        INSERT INTO instances (association_id, sop_instance_uid, sop_class_uid, study_uid, series_uid, called_ae,
            revision, digest, size, received_at, disposition, duplicate_of)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'duplicate', NULL)
        """,
        [
            (
                association_id,
                one.sop_instance_uid,
                one.sop_class_uid,
                one.study_instance_uid,
                one.series_instance_uid,
                called_ae,
                one.revision,
                one.digest,
                one.size,
                one.received_at,
            )
            for one in duplicates
        ],
    )
    connection.execute(
        """
        UPDATE instances SET duplicate_of = (
            SELECT max(first.id) FROM instances first
            WHERE first.sop_instance_uid = instances.sop_instance_uid AND first.digest = instances.digest
                AND first.called_ae = instances.called_ae AND first.disposition <> 'duplicate')
        WHERE association_id = ? AND disposition = 'duplicate' AND duplicate_of IS NULL
        """,
        (association_id,),
    )


def duplicates_of(connection: sqlite3.Connection, association_id: str) -> int:
    """How many instances of an association have been entered that were here already."""
    row = connection.execute(
        "SELECT count(*) FROM instances WHERE association_id = ? AND disposition = 'duplicate'", (association_id,)
    ).fetchone()
    return int(row[0])


def without_entered(
    connection: sqlite3.Connection, association_id: str, duplicates: Sequence[DuplicateInstance]
) -> Sequence[DuplicateInstance]:
    """What is left of all duplicates of an association, as its journal has them, after what was entered in pieces.

    Any piece may be missing, as one that the ledger refused is.
    """
    rows = connection.execute(
        "SELECT sop_instance_uid, digest, received_at FROM instances"
        " WHERE association_id = ? AND disposition = 'duplicate'",
        (association_id,),
    )
    entered = Counter(tuple(row) for row in rows)
    left = []
    for one in duplicates:
        key = one.sop_instance_uid, one.digest, one.received_at
        if entered[key]:
            entered[key] -= 1
        else:
            left.append(one)
    return left


def brought_by(connection: sqlite3.Connection, association_id: str) -> list[tuple[str, str, int]]:
    """Study, delivery and number of kept instances of an association, one row per delivery in order of sealing."""
    rows = connection.execute(
        """
        SELECT study_uid, id, instance_count FROM deliveries WHERE association_id = ? ORDER BY sealed_at, id
        """,
        (association_id,),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def kept_by(connection: sqlite3.Connection, association_id: str) -> int:
    """How many instances of an association have been entered with their files."""
    return sum(count for _, _, count in brought_by(connection, association_id))
