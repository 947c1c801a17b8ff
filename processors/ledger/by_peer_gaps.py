"""Whether the sums of a stretch of time agree: those that associations, deliveries and shipments state, and their rows.

Only associations that were opened then, or that something came by then, are looked at; each as a whole. What modalities
themselves listed is a witness too, unless an association is open, by which it may be coming.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from processors.landing.evidence import witnessed
from processors.landing.layout import Layout
from processors.ledger.callers import Callers
from processors.ledger.gaps import Gap
from processors.ledger.stated import stated
from processors.peers import Peers

_TOUCHED: Final = """
    CREATE TEMP TABLE touched AS
        SELECT id FROM associations WHERE opened_at >= ?1 AND opened_at < ?2
        UNION SELECT association_id FROM instances WHERE received_at >= ?1 AND received_at < ?2
        UNION SELECT association_id FROM refusals WHERE at >= ?1 AND at < ?2
"""

_QUERIES: Final = {
    "no-association": """
        SELECT t.id, '' FROM touched t LEFT JOIN associations a ON a.id = t.id WHERE a.id IS NULL""",
    "refusal-counts": """
        SELECT a.id, 'association ' || a.refused || ', refusals ' || coalesce(sum(r.count), 0)
        FROM touched t JOIN associations a ON a.id = t.id LEFT JOIN refusals r ON r.association_id = a.id
        WHERE a.ending <> 'open' GROUP BY a.id HAVING a.refused <> coalesce(sum(r.count), 0)""",
    "delivery-counts": """
        SELECT d.id, 'delivery ' || d.instance_count || ' of ' || d.bytes || ' bytes, instances ' || count(i.id)
            || ' of ' || coalesce(sum(i.size), 0)
        FROM touched t JOIN deliveries d ON d.association_id = t.id LEFT JOIN instances i ON i.delivery_id = d.id
        WHERE d.state <> 'open' GROUP BY d.id
        HAVING d.instance_count <> count(i.id) OR d.bytes <> coalesce(sum(i.size), 0)""",
    "no-delivery": """
        SELECT DISTINCT i.delivery_id, '' FROM touched t JOIN instances i ON i.association_id = t.id
        WHERE i.delivery_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = i.delivery_id)""",
    "duplicate-of-nothing": """
        SELECT DISTINCT t.id, '' FROM touched t JOIN instances i ON i.association_id = t.id
        WHERE i.disposition = 'duplicate' AND i.duplicate_of IS NULL
            AND NOT EXISTS (SELECT 1 FROM associations o WHERE o.ending = 'open')""",
    "shipment-counts": """
        SELECT s.id, 'passed ' || s.passed || ', withheld ' || s.withheld || ' of ' || d.instance_count
        FROM touched t JOIN deliveries d ON d.association_id = t.id JOIN shipments s ON s.delivery_id = d.id
        WHERE s.state IN ('packaged', 'quarantined', 'confirmed') AND s.passed + s.withheld <> d.instance_count""",
}


def gaps_of(ledger: sqlite3.Connection, layout: Layout, begin: float, end: float) -> Iterator[Gap]:
    """What does not agree.

    Args:
        ledger: The ledger, in a transaction; a temporary table of it is made and dropped.
        layout: The landing, whose evidence says once more what each association brought.
        begin: Unix seconds; the first that counts.
        end: Unix seconds; the first that counts no more.
    """
    ledger.execute(_TOUCHED, (begin, end))
    any_open = ledger.execute("SELECT 1 FROM associations WHERE ending = 'open' LIMIT 1").fetchone() is not None
    try:
        for kind, query in _QUERIES.items():
            for row in ledger.execute(query):
                yield Gap(row[0], kind, row[1])
        rows = ledger.execute(
            """
            SELECT a.id, a.acknowledged, (SELECT count(*) FROM instances i WHERE i.association_id = a.id) AS entered
            FROM touched t JOIN associations a ON a.id = t.id WHERE a.ending <> 'open'
            """
        )
        for row in rows:
            said = witnessed(layout.evidence_of(row["id"])) if row["acknowledged"] or row["entered"] else 0
            if not said == row["entered"] == row["acknowledged"]:
                counts = f"evidence {said}, association {row['acknowledged']}, instances {row['entered']}"
                yield Gap(row["id"], "association-counts", counts)
        if not any_open:
            for each in stated(ledger, Callers(Peers()), begin, end):
                if each.here < each.named:
                    yield Gap(each.id, "stated-missing", f"{each.kind} names {each.named}, here are {each.here}")
    finally:
        ledger.execute("DROP TABLE touched")
