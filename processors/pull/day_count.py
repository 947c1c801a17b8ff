"""What a PACS says of a day beside what is here: studies by C-FIND (StudyDate), counted for each who brought them."""

import sqlite3
from dataclasses import asdict, dataclass

from processors.ledger.callers import CallerName, Callers
from processors.ledger.day_report import Stretch
from processors.peers import Peer, Peers
from processors.pull.arrived import instances_of
from processors.pull.query import Query
from processors.pull.question import Filter, Question

_NOBODY = CallerName("", is_known=False)
_BROUGHT_BY = """
    SELECT a.calling_ae, a.peer, sum(d.instance_count) AS brought
    FROM deliveries d JOIN associations a ON a.id = d.association_id
    WHERE d.study_uid = ? GROUP BY a.calling_ae, a.peer ORDER BY brought DESC, a.calling_ae LIMIT 1
"""


@dataclass(slots=True)
class DayCount:
    """Studies of some days as a PACS has them, that one peer brought here; or that nobody did, if `peer` is empty."""

    peer: str
    studies: int = 0
    there: int = 0
    """Instances, as the PACS counts them."""
    here: int = 0
    """Instances of the same studies, whenever they came."""
    incomplete: int = 0
    """Studies of which fewer instances are here than there."""

    def to_json(self) -> dict[str, object]:
        """For scripts."""
        return asdict(self)


def ask_day(pacs: Peer, ledger: sqlite3.Connection, peers: Peers, stretch: Stretch) -> list[DayCount]:
    """Ask for the studies of these days. StudyDate is the PACS' own: it knows no time zone.

    Raises:
        PeerError: the PACS cannot be asked, or fell silent.
        FindFailedError: it answers with a failure.
    """
    question = Question(0, Filter(stretch.first, stretch.last).keys())
    with Query.open(pacs) as query:
        found = query.studies(question)
    callers, counts = Callers(peers), dict[CallerName, DayCount]()
    for study in found:
        row = ledger.execute(_BROUGHT_BY, (study.study_uid,)).fetchone()
        caller = callers.name(row["calling_ae"], row["peer"]) if row else _NOBODY
        count = counts.setdefault(caller, DayCount(caller.name))
        here = len(instances_of(ledger, study.study_uid))
        count.studies += 1
        count.there += study.instances
        count.here += here
        count.incomplete += here < study.instances
    return [counts[caller] for caller in sorted(counts)]
