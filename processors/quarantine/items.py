"""What waits in quarantine: every instance that was withheld from a shipment and that no person has ended."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from processors.deid.reasons import REASONS
from processors.quarantine.errors import NotWaitingError


@dataclass(frozen=True, slots=True)
class Item:
    """One withheld instance; no value of a patient."""

    shipment_id: str
    file: str
    instance_id: int
    """Of its row in the ledger."""
    delivery_id: str
    project: str
    profile: str
    reason: str
    sop_class_uid: str
    size: int
    """Bytes of the data set."""
    received_at: float
    """Unix seconds."""
    settled: bool
    """Whether its shipment is; until then nothing can be decided."""

    @property
    def id(self) -> str:
        """What people call it."""
        return f"{self.shipment_id}/{self.file.removesuffix('.dcm')}"


_OTHERS: Final = {
    "too-large": "It does not fit into the package.",
    "uid-conflict": "Another instance of the delivery has its SOP Instance UID.",
    "series-conflict": "It is of another patient, study or series than the rest of its delivery.",
    "crashes-worker": "Treating it ended the worker process.",
}
_SENTENCES: Final = {code.value: says for code, says in REASONS.items()} | _OTHERS
_LIST: Final = """
    SELECT s.id AS shipment_id, i.file, i.id AS instance_id, d.id AS delivery_id, s.project, s.profile, si.reason,
        i.sop_class_uid, i.size, i.received_at, d.state = 'terminal' AS settled
    FROM shipment_instances si JOIN shipments s ON s.id = si.shipment_id JOIN instances i ON i.id = si.instance_id
    JOIN deliveries d ON d.id = s.delivery_id
    WHERE si.state = 'withheld' AND si.reason NOT LIKE 'discarded%'
"""


def waiting(ledger: sqlite3.Connection, *, project: str | None = None, reason: str | None = None) -> list[Item]:
    """Everything that waits, oldest first; of one project or reason if given."""
    found = [_item(row) for row in ledger.execute(f"{_LIST} ORDER BY i.received_at, i.id")]
    return [each for each in found if project in (None, each.project) and reason in (None, each.reason)]


def find(ledger: sqlite3.Connection, item_id: str) -> Item:
    """One that waits, by its id.

    Raises:
        NotWaitingError: there is no such one, or not any more.
    """
    shipment, _, file = item_id.partition("/")
    row = ledger.execute(f"{_LIST} AND s.id = ? AND i.file = ?", (shipment, f"{file}.dcm")).fetchone()
    if row is None:
        raise NotWaitingError(f"{item_id} does not wait for a person.")
    return _item(row)


def sentence(reason: str) -> str:
    """A reason in words."""
    return _SENTENCES.get(reason, "")


def _item(row: sqlite3.Row) -> Item:
    return Item(**{**dict(row), "settled": bool(row["settled"])})
