"""How many instances a PACS has of a study: evidence, once what is here of the study has been treated."""

import secrets
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from processors.ledger import evidence
from processors.ledger.fates import ELSEWHERE, FATE, UNDECIDED, better
from processors.ledger.schema import record_event, transaction


@dataclass(frozen=True, slots=True, repr=False)
class Expectation:
    """One count of one study. PHI: it has no revealing repr."""

    id: str
    study_uid: str
    peer: str
    revision: int
    expected: int

    def __repr__(self) -> str:
        return f"Expectation({self.id}, {self.expected})"


def add(connection: sqlite3.Connection, study_uid: str, peer: str, expected: int, now: float) -> Expectation:
    """Keep a count, and have it announced as evidence as soon as what is here of the study has been treated."""
    new = secrets.token_hex(16)
    with transaction(connection):
        revision = connection.execute(
            "INSERT INTO expectations (id, study_uid, peer, revision, expected, asked_at) SELECT ?1, ?2, ?3,"
            " (SELECT ifnull(max(revision), 0) + 1 FROM expectations WHERE study_uid = ?2), ?4, ?5 RETURNING revision",
            (new, study_uid, peer, expected, now),
        ).fetchone()[0]
        connection.execute(
            "INSERT INTO evidence (id, association_id, state) VALUES (?, ?, 'pending')", (secrets.token_hex(16), new)
        )
        evidence.ready(connection, new)
        record_event(connection, now, new, "counted", str(expected))
    return Expectation(new, study_uid, peer, revision, expected)


def get(connection: sqlite3.Connection, expectation_id: str) -> Expectation | None:
    """One count; None when the id is an association's."""
    row = connection.execute(
        "SELECT id, study_uid, peer, revision, expected FROM expectations WHERE id = ?", (expectation_id,)
    ).fetchone()
    return Expectation(**dict(row)) if row else None


_FATES: Final = f"""
    SELECT i.sop_instance_uid AS uid, s.project, {UNDECIDED} AS undecided,
        {FATE} AS fate
    FROM deliveries d JOIN instances i ON i.delivery_id = d.id
    LEFT JOIN shipments s ON s.delivery_id = d.id
    LEFT JOIN shipment_instances si ON si.shipment_id = s.id AND si.instance_id = i.id
    WHERE d.study_uid = ?
"""  # noqa: S608 - fragments of our own


def counts(connection: sqlite3.Connection, study_uid: str) -> dict[str, Counter[str]]:
    """By project that anything of the study is for: how many instances are what, each instance once.

    `elsewhere` are those that are here and not for the project. `rejected` are answered for by nobody yet.
    """
    return {project: Counter(each.values()) for project, each in fates(connection, study_uid).items()}


def fates(connection: sqlite3.Connection, study_uid: str) -> dict[str, dict[str, str]]:
    """The same, by SOP Instance UID instead of counted."""
    best: dict[str, dict[str, str]] = defaultdict(dict)
    unrouted: dict[str, str] = {}
    for row in connection.execute(_FATES, (study_uid,)):
        if row["project"] is None:  # no rule, or a person must say first which one
            unrouted[row["uid"]] = "held" if row["undecided"] else unrouted.get(row["uid"], ELSEWHERE)
        else:
            unrouted.setdefault(row["uid"], ELSEWHERE)
            known = best[row["project"]].get(row["uid"], ELSEWHERE)
            best[row["project"]][row["uid"]] = better(known, row["fate"])
    return {project: unrouted | each for project, each in best.items()}
