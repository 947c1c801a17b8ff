"""What modalities say that they sent, beside what is here: requests for storage commitment and completed MPPS steps.

A list counts in the stretch of time in which it came, or in which its step was completed; what it names is looked for
among everything that ever came.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from processors.ledger.callers import CallerName, Callers

_HERE: Final = "sum(EXISTS (SELECT 1 FROM instances i WHERE i.sop_instance_uid = n.sop_instance_uid))"
_LISTS: Final = f"""
    SELECT c.id, 'commitment' AS kind, c.peer AS name, c.calling_ae, c.address, count(*) AS named, {_HERE} AS here
    FROM commitments c JOIN commitment_instances n ON n.commitment_id = c.id
    WHERE c.received_at >= ?1 AND c.received_at < ?2 GROUP BY c.id
    UNION ALL
    SELECT p.id, 'performed-step', p.peer, coalesce(a.calling_ae, ''), coalesce(a.peer, ''), count(*), {_HERE}
    FROM performed_steps p JOIN performed_instances n ON n.step_id = p.id
    LEFT JOIN associations a ON a.id = p.association_id
    WHERE p.state = 'COMPLETED' AND p.ended_at >= ?1 AND p.ended_at < ?2 GROUP BY p.id
"""  # noqa: S608 - no value enters it


@dataclass(frozen=True, slots=True)
class StatedList:
    """One list of a modality."""

    id: str
    kind: str
    """`commitment` or `performed-step`."""
    caller: CallerName
    named: int
    """Objects that it names."""
    here: int
    """Of these, those that came, from whomever and whenever."""


def stated(ledger: sqlite3.Connection, callers: Callers, begin: float, end: float) -> Iterator[StatedList]:
    """The lists of a stretch of time.

    Args:
        ledger: The ledger.
        callers: Who a caller is whose name was not written down.
        begin: Unix seconds; the first that counts.
        end: Unix seconds; the first that counts no more.
    """
    for row in ledger.execute(_LISTS, (begin, end)):
        named = CallerName(row["name"], is_known=True) if row["name"] else None
        caller = named or callers.name(row["calling_ae"], row["address"])
        yield StatedList(row["id"], row["kind"], caller, row["named"], row["here"])
