"""Lists of storage commitment requests as evidence: each request has one, and another whenever its answer may change.

A list stands in `evidence` as an association does: its id is the `association_id` of the row that announces it.
"""

import secrets
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from processors.ledger.fates import ELSEWHERE, FATE, UNDECIDED, better

UNSETTLED: Final = """
    SELECT 1 FROM commitment_lists l WHERE l.id = evidence.association_id AND (
        NOT EXISTS ({named}) OR EXISTS ({named} AND {unfinished}))
"""
"""The condition that a list is not ready: nothing of it is here, or something of it is not past treatment."""
NAMED: Final = """
    SELECT 1 FROM commitment_instances c JOIN instances i ON i.sop_instance_uid = c.sop_instance_uid
    JOIN deliveries d ON d.id = i.delivery_id WHERE c.commitment_id = l.commitment_id
"""


@dataclass(frozen=True, slots=True)
class CommitmentList:
    """One list."""

    id: str
    commitment_id: str
    revision: int


@dataclass(slots=True, repr=False)
class Listed:
    """What a request names of one study, as one project sees it. PHI: it has no revealing repr."""

    named: list[str] = field(default_factory=list)
    """SOP Instance UIDs of what is meant for the project: delivered, on its way, or not here at all."""
    beside: Counter[str] = field(default_factory=Counter)
    """How many others were `withheld`, are `held`, or are `elsewhere`."""

    def __repr__(self) -> str:
        return f"Listed({len(self.named)}, {dict(self.beside)})"


def add(connection: sqlite3.Connection, commitment_id: str, revision: int = 1) -> str | None:
    """Add a list with its pending evidence, inside a transaction; None when there is one of this revision."""
    new = secrets.token_hex(16)
    added = connection.execute(
        "INSERT OR IGNORE INTO commitment_lists (id, commitment_id, revision) VALUES (?, ?, ?)",
        (new, commitment_id, revision),
    ).rowcount
    if not added:
        return None
    connection.execute(
        "INSERT INTO evidence (id, association_id, state) VALUES (?, ?, 'pending')", (secrets.token_hex(16), new)
    )
    return new


def get(connection: sqlite3.Connection, list_id: str) -> CommitmentList | None:
    """One list; None when the id is something else's."""
    row = connection.execute(
        "SELECT id, commitment_id, revision FROM commitment_lists WHERE id = ?", (list_id,)
    ).fetchone()
    return CommitmentList(**dict(row)) if row else None


def renew(connection: sqlite3.Connection, delivery_id: str) -> None:
    """Add another list of each request that names something of this delivery and whose list was told already.

    For a delivery that a person let go, or that came after the request.
    """
    rows = connection.execute(
        "SELECT DISTINCT l.commitment_id, l.revision FROM instances i"
        " JOIN commitment_instances c ON c.sop_instance_uid = i.sop_instance_uid"
        " JOIN commitment_lists l ON l.commitment_id = c.commitment_id"
        " JOIN evidence e ON e.association_id = l.id AND e.project IS NULL AND e.state IN ('translated', 'confirmed')"
        " WHERE i.delivery_id = ? AND l.revision = (SELECT max(n.revision) FROM commitment_lists n"
        " WHERE n.commitment_id = l.commitment_id)",
        (delivery_id,),
    ).fetchall()
    for row in rows:
        add(connection, row["commitment_id"], row["revision"] + 1)


def naming(connection: sqlite3.Connection, delivery_id: str) -> list[str]:
    """The lists that name something of a delivery."""
    rows = connection.execute(
        "SELECT DISTINCT l.id FROM instances i JOIN commitment_instances c ON c.sop_instance_uid = i.sop_instance_uid"
        " JOIN commitment_lists l ON l.commitment_id = c.commitment_id WHERE i.delivery_id = ?",
        (delivery_id,),
    )
    return [row[0] for row in rows]


def told(connection: sqlite3.Connection, commitment_id: str) -> list[str]:
    """The bodies of all messages that were made of a request's lists, oldest revision first."""
    rows = connection.execute(
        "SELECT e.body FROM commitment_lists l JOIN evidence e ON e.association_id = l.id"
        " WHERE l.commitment_id = ? AND e.project IS NOT NULL ORDER BY l.revision",
        (commitment_id,),
    )
    return [row[0] for row in rows]


_FATES: Final = f"""
    SELECT c.sop_instance_uid AS uid, i.study_uid, s.project,
        {UNDECIDED} AS undecided,
        {FATE} AS fate
    FROM commitment_instances c
    LEFT JOIN instances i ON i.sop_instance_uid = c.sop_instance_uid AND i.delivery_id IS NOT NULL
    LEFT JOIN deliveries d ON d.id = i.delivery_id
    LEFT JOIN shipments s ON s.delivery_id = d.id
    LEFT JOIN shipment_instances si ON si.shipment_id = s.id AND si.instance_id = i.id
    WHERE c.commitment_id = ?
"""  # noqa: S608 - fragments of our own


def seen_by(connection: sqlite3.Connection, commitment_id: str) -> dict[tuple[str, str], Listed]:
    """By project and original study: what the request names, each instance once.

    A request says nothing of studies. What of it is not here belongs to the one study of all that is here; where that
    has several studies, or none, nobody knows, and it is in no list.
    """
    fates: dict[str, dict[str, str]] = defaultdict(dict)
    undecided: set[str] = set()
    studies: dict[str, str] = {}
    absent: list[str] = []
    for row in connection.execute(_FATES, (commitment_id,)):
        if row["study_uid"] is None:
            absent.append(row["uid"])
            continue
        studies[row["uid"]] = row["study_uid"]
        if row["project"] is not None:
            known = fates[row["project"]].get(row["uid"], ELSEWHERE)
            fates[row["project"]][row["uid"]] = better(known, row["fate"])
        elif row["undecided"]:
            undecided.add(row["uid"])
    found: dict[tuple[str, str], Listed] = {}
    for project, of_project in sorted(fates.items()):
        concerned = {studies[uid] for uid in of_project} - {""}
        for uid, study in studies.items():
            if study in concerned:
                fate = of_project.get(uid, "held" if uid in undecided else ELSEWHERE)
                _count(found.setdefault((project, study), Listed()), uid, fate)
    known_studies = set(studies.values())
    if len(known_studies) == 1:
        for listed in found.values():
            listed.named.extend(dict.fromkeys(absent))
    return found


def _count(listed: Listed, uid: str, fate: str) -> None:
    if fate in {"delivered", "rejected"}:
        listed.named.append(uid)
    else:
        listed.beside[fate] += 1
