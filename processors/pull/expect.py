"""Ask a PACS how many instances its studies have, and keep the answers as evidence."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from processors.ledger import expectations
from processors.peers import Peer
from processors.pull.arrived import instances_of
from processors.pull.query import Query
from processors.pull.question import Question


@dataclass(frozen=True, slots=True, repr=False)
class Counted:
    """One study, as the peer counts it and as it is here. PHI: it has no revealing repr."""

    question: int
    study_uid: str
    expected: int
    here: int

    def __repr__(self) -> str:
        return f"Counted({self.expected}, {self.here})"


def recent(ledger: sqlite3.Connection, days: float, now: float) -> list[Question]:
    """One question for each study of which anything was received in the last days."""
    rows = ledger.execute(
        "SELECT study_uid FROM deliveries WHERE study_uid <> '' GROUP BY study_uid HAVING max(sealed_at) >= ?"
        " ORDER BY max(sealed_at)",
        (now - days * 86400,),
    )
    return [Question(number, {"StudyInstanceUID": row[0]}) for number, row in enumerate(rows, 1)]


def expect(
    peer: Peer, questions: Sequence[Question], ledger: sqlite3.Connection
) -> Iterator[tuple[Question, list[Counted]]]:
    """Ask, question by question; each count is kept before the next one is asked for.

    Raises:
        PeerError: the peer cannot be asked, or fell silent.
        FindFailedError: it answers with a failure.
    """
    with Query.open(peer) as query:
        for question in questions:
            counted = []
            for found in query.studies(question):
                expectations.add(ledger, found.study_uid, peer.name, found.instances, time.time())
                here = len(instances_of(ledger, found.study_uid))
                counted.append(Counted(question.number, found.study_uid, found.instances, here))
            yield question, counted
