"""What the ledger has of a study: each instance once, however often it came."""

import sqlite3


def instances_of(ledger: sqlite3.Connection, study_uid: str) -> set[str]:
    """The SOP Instance UIDs of a study that are in sealed deliveries."""
    rows = ledger.execute(
        "SELECT DISTINCT i.sop_instance_uid FROM deliveries d JOIN instances i ON i.delivery_id = d.id"
        " WHERE d.study_uid = ?",
        (study_uid,),
    )
    return {row[0] for row in rows}


def any_open(ledger: sqlite3.Connection) -> bool:
    """Whether an association is open, from which more may be sealed."""
    return ledger.execute("SELECT 1 FROM associations WHERE ending = 'open' LIMIT 1").fetchone() is not None
