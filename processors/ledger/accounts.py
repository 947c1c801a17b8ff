"""Which state each acknowledged instance is in, for each shipment of its delivery: exactly one.

| in the ledger | state |
|---|---|
| instance duplicate, or variant | duplicate, variant |
| delivery parked as unmatched, ended by a person, or parked for another reason | unmatched, discarded, held |
| delivery without shipments yet; shipment routed, or packaged | in_flight |
| instance withheld from a shipment, and ended by a person | discarded |
| shipment quarantined; instance withheld from a shipment | withheld |
| shipment confirmed | confirmed |
| shipment parked as held, or for another reason | held, rejected |
| shipment closed as withdrawn, or for another reason | withdrawn, discarded |
"""

import sqlite3
from typing import Final

STATES: Final = (
    "in_flight",
    "confirmed",
    "duplicate",
    "variant",
    "withheld",
    "held",
    "unmatched",
    "rejected",
    "discarded",
    "withdrawn",
)

_STATE: Final = """
    CASE
        WHEN i.disposition <> 'delivered' THEN i.disposition
        WHEN d.state = 'parked' AND d.reason = 'unmatched' THEN 'unmatched'
        WHEN d.state = 'parked' AND d.reason LIKE 'discarded%' THEN 'discarded'
        WHEN d.state = 'parked' THEN 'held'
        WHEN s.id IS NULL THEN 'in_flight'
        WHEN si.state = 'withheld' AND si.reason LIKE 'discarded%' THEN 'discarded'
        WHEN s.state = 'quarantined' OR si.state = 'withheld' THEN 'withheld'
        WHEN s.state = 'confirmed' THEN 'confirmed'
        WHEN s.state = 'parked' AND s.reason LIKE 'held%' THEN 'held'
        WHEN s.state = 'parked' THEN 'rejected'
        WHEN s.state = 'closed' AND s.reason LIKE 'withdrawn%' THEN 'withdrawn'
        WHEN s.state = 'closed' THEN 'discarded'
        ELSE 'in_flight'
    END
"""

_COUNT: Final = f"""
    SELECT {_STATE} AS state, count(*)
    FROM instances i
    LEFT JOIN deliveries d ON d.id = i.delivery_id
    LEFT JOIN shipments s ON s.delivery_id = i.delivery_id AND d.state <> 'parked'
    LEFT JOIN shipment_instances si ON si.shipment_id = s.id AND si.instance_id = i.id
    GROUP BY 1
"""  # noqa: S608 - no value enters it


def count(connection: sqlite3.Connection) -> dict[str, int]:
    """Instances by state, once for each shipment of their delivery; every state is a key."""
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in connection.execute(_COUNT)}


def acknowledged(connection: sqlite3.Connection) -> int:
    """How many objects were answered with Success, as far as the ledger has been told."""
    return int(connection.execute("SELECT count(*) FROM instances").fetchone()[0])


def duplicates_by_association(connection: sqlite3.Connection) -> dict[str, int]:
    """How many duplicates of each open association have a row already."""
    rows = connection.execute(
        "SELECT association_id, count(*) FROM instances WHERE disposition = 'duplicate'"
        " AND association_id IN (SELECT id FROM associations WHERE ending = 'open') GROUP BY association_id"
    )
    return {row[0]: row[1] for row in rows}


def refused(connection: sqlite3.Connection) -> dict[str, int]:
    """Refusals by reason code."""
    rows = connection.execute("SELECT reason, sum(count) FROM refusals GROUP BY reason ORDER BY reason")
    return {row[0]: row[1] for row in rows}
