"""Let go of deliveries that wait for a person because their sender was unknown."""

import sqlite3
import time

from processors.landing.hold import lift
from processors.landing.layout import Layout
from processors.ledger.schema import record_event, transaction


def release_held(layout: Layout, connection: sqlite3.Connection, calling_ae: str) -> int:
    """Release what a calling AE title sent while it was unknown; it is announced again. Returns how many deliveries.

    What NiFi has not taken up yet is not among them: it will be held, and can be released then.

    Raises:
        OSError: the word cannot be kept beside a delivery; those before it are released.
    """
    rows = connection.execute(
        "SELECT d.id FROM deliveries d JOIN associations a ON a.id = d.association_id"
        " WHERE a.calling_ae = ? AND d.state = 'parked' AND d.reason = 'held:unknown-caller'",
        (calling_ae,),
    ).fetchall()
    released = 0
    for row in rows:
        folder = layout.delivery(row["id"])
        if not folder.is_dir():
            continue
        lift(folder)
        with transaction(connection):
            connection.execute(
                "UPDATE deliveries SET state = 'sealed', reason = NULL, due_at = 0 WHERE id = ? AND state = 'parked'",
                (row["id"],),
            )
            record_event(connection, time.time(), row["id"], "released", "unknown-caller")
        released += 1
    return released
