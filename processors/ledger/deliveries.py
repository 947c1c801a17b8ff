"""Rows of `deliveries`, as the receiver writes them: one, sealed and due at once, when a delivery is sealed."""

import sqlite3
from collections.abc import Sequence

from processors.landing.delivery import Delivery
from processors.ledger import instances


def add_sealed(
    connection: sqlite3.Connection,
    delivery: Delivery,
    *,
    opened_at: float,
    sealed_at: float,
    received_at: Sequence[float],
) -> bool:
    """Add a sealed delivery with its instances, inside a transaction; False if the ledger has it already.

    Args:
        connection: The ledger.
        delivery: As its `delivery.json` says.
        opened_at: When its first instance came, Unix seconds.
        sealed_at: Unix seconds.
        received_at: When each instance came, Unix seconds, in the order of `delivery.instances`.
    """
    added = connection.execute(
        """
        INSERT OR IGNORE INTO deliveries (id, association_id, called_ae, study_uid, series_uid, opened_at, sealed_at,
            seal_reason, instance_count, bytes, state, due_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sealed', 0)
        """,
        (
            delivery.id,
            delivery.association_id,
            delivery.called_ae,
            delivery.study_instance_uid,
            delivery.series_instance_uid,
            opened_at,
            sealed_at,
            delivery.seal_reason,
            len(delivery.instances),
            delivery.total_bytes,
        ),
    )
    if added.rowcount == 0:
        return False
    instances.add_delivered(connection, delivery, received_at)
    return True


def removed_ids(connection: sqlite3.Connection) -> set[str]:
    """The ids of those whose originals were removed when they had been kept long enough."""
    return {row[0] for row in connection.execute("SELECT subject FROM events WHERE event = 'removed'")}


def known_ids(connection: sqlite3.Connection) -> set[str]:
    """The ids of all deliveries that have a row."""
    return {row[0] for row in connection.execute("SELECT id FROM deliveries")}
