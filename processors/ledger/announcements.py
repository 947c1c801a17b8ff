"""Announcing, driven by one column: whatever has `due_at` up to now is announced, and again until it is settled.

A Python source cannot know that NiFi committed what it returned. So an announcement is a number n in the ledger: it
counts once RouteDICOM has seen it, and a FlowFile with an older n is `superseded`.
"""

import sqlite3
from dataclasses import dataclass
from typing import Final, Literal

from processors.ledger import evidence
from processors.ledger.schema import record_event, transaction

UNSEEN_SECONDS: Final = 60.0
"""How long an announcement may stay unseen before the next one."""
LEASE_SECONDS: Final = 3600.0
"""How long a seen delivery may take until it is announced again."""
BACKOFF_SECONDS: Final = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""Pause after a failure, by the number of announcements so far; the last one holds from then on."""

Standing = Literal["current", "superseded", "settled"]


@dataclass(frozen=True, slots=True)
class Announcement:
    """One FlowFile to be, and its number: a delivery, an association's evidence, an object of a result, or labels."""

    id: str
    n: int
    kind: Literal["delivery", "evidence", "result", "labels"]

    def attributes(self) -> dict[str, str]:
        """What the FlowFile says."""
        return {"delivery.id": self.id, "delivery.n": str(self.n), "kind": self.kind, "filename": self.id}


def start_anew(connection: sqlite3.Connection) -> None:
    """Make everything due that is not settled: whoever announced before may have lost it."""
    with transaction(connection):
        connection.execute(
            "UPDATE deliveries SET due_at = 0 WHERE state IN ('sealed', 'announced', 'seen', 'routed')",
        )
        connection.execute(
            "UPDATE evidence SET due_at = 0 WHERE project IS NULL AND state IN ('announced', 'seen', 'translated')",
        )
        connection.execute("UPDATE results SET due_at = 0 WHERE state IN ('fetched', 'ready')")
        connection.execute(
            "UPDATE label_documents SET due_at = 0 WHERE state IN ('pending', 'announced', 'seen')",
        )
        evidence.ready_all(connection)


def take(connection: sqlite3.Connection, now: float, limit: int = 64) -> list[Announcement]:
    """Announce what is due, oldest first: number it, and make it due again should nobody see it."""
    if not _any_due(connection, now):
        return []
    with transaction(connection):
        deliveries = connection.execute(
            "UPDATE deliveries SET n = n + 1, due_at = ?, state = iif(state = 'sealed', 'announced', state) WHERE id IN"
            " (SELECT id FROM deliveries WHERE due_at <= ? ORDER BY due_at, sealed_at LIMIT ?) RETURNING id, n",
            (now + UNSEEN_SECONDS, now, limit),
        ).fetchall()
        messages = connection.execute(
            "UPDATE evidence SET n = n + 1, due_at = ?, state = iif(state = 'pending', 'announced', state) WHERE id IN"
            " (SELECT id FROM evidence WHERE due_at <= ? ORDER BY due_at LIMIT ?) RETURNING id, n",
            (now + UNSEEN_SECONDS, now, limit - len(deliveries)),
        ).fetchall()
        objects = connection.execute(
            "UPDATE results SET n = n + 1, due_at = ? WHERE id IN"
            " (SELECT id FROM results WHERE due_at <= ? ORDER BY due_at LIMIT ?) RETURNING id, n",
            (now + UNSEEN_SECONDS, now, limit - len(deliveries) - len(messages)),
        ).fetchall()
        labels = connection.execute(
            "UPDATE label_documents SET n = n + 1, due_at = ?, state = iif(state = 'pending', 'announced', state)"
            " WHERE id IN (SELECT id FROM label_documents WHERE due_at <= ? ORDER BY due_at LIMIT ?) RETURNING id, n",
            (now + UNSEEN_SECONDS, now, limit - len(deliveries) - len(messages) - len(objects)),
        ).fetchall()
        for row in (*deliveries, *messages, *objects, *labels):
            record_event(connection, now, row["id"], "announced", str(row["n"]))
    return [
        *(Announcement(row["id"], row["n"], "delivery") for row in deliveries),
        *(Announcement(row["id"], row["n"], "evidence") for row in messages),
        *(Announcement(row["id"], row["n"], "result") for row in objects),
        *(Announcement(row["id"], row["n"], "labels") for row in labels),
    ]


def next_due(connection: sqlite3.Connection) -> float | None:
    """The earliest time at which anything is due; None when nothing will ever be."""
    row = connection.execute(
        "SELECT min(due_at) FROM (SELECT min(due_at) AS due_at FROM deliveries WHERE due_at IS NOT NULL"
        " UNION ALL SELECT min(due_at) FROM evidence WHERE due_at IS NOT NULL"
        " UNION ALL SELECT min(due_at) FROM results WHERE due_at IS NOT NULL"
        " UNION ALL SELECT min(due_at) FROM label_documents WHERE due_at IS NOT NULL)"
    ).fetchone()
    due: float | None = row[0]
    return due


def see(connection: sqlite3.Connection, kind: str, id_: str, n: int, now: float) -> Standing:
    """Take up an announcement: from now on it has an hour. Older ones, and what is settled, are told so."""
    with transaction(connection):
        found = standing(connection, kind, id_, n)
        if found == "current":
            connection.execute(
                f"UPDATE {_table(kind)} SET seen_n = n, due_at = ?, state = iif(state = 'announced', 'seen', state)"  # noqa: S608
                " WHERE id = ?",
                (now + LEASE_SECONDS, id_),
            )
            record_event(connection, now, id_, "seen", str(n))
    return found


def standing(connection: sqlite3.Connection, kind: str, id_: str, n: int) -> Standing:
    """Whether a FlowFile with this n still counts. What the ledger does not know counts as settled."""
    row = connection.execute(f"SELECT n, state FROM {_table(kind)} WHERE id = ?", (id_,)).fetchone()  # noqa: S608
    if row is None or row["state"] in _SETTLED:
        return "settled"
    return "current" if n == row["n"] else "superseded"


def try_again(connection: sqlite3.Connection, kind: str, id_: str, n: int, code: str, now: float) -> None:  # noqa: PLR0917
    """After a failure of announcement n: announce again, later and later, unless a later one is on its way."""
    pause = BACKOFF_SECONDS[min(max(n, 1), len(BACKOFF_SECONDS)) - 1]
    with transaction(connection):
        connection.execute(
            f"UPDATE {_table(kind)} SET due_at = ? WHERE id = ? AND n = ? AND due_at IS NOT NULL",  # noqa: S608
            (now + pause, id_, n),
        )
        record_event(connection, now, id_, "failed", code)


def _any_due(connection: sqlite3.Connection, now: float) -> bool:
    due = next_due(connection)
    return due is not None and due <= now


def _table(kind: str) -> str:
    return _TABLES.get(kind, "deliveries")


_TABLES: Final = {"evidence": "evidence", "result": "results", "labels": "label_documents"}
_SETTLED: Final = frozenset({"parked", "terminal", "confirmed", "held", "sent", "closed"})
