"""Where every instance is: the sender's log, the ledger and the handoff, side by side, and whether they agree."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from handoff.schemas.shipments import ShipmentView
from sluice.demo.sent import Push

_FATES = """
SELECT CASE
    WHEN i.disposition <> 'delivered' THEN i.disposition
    WHEN d.state = 'parked' AND d.reason = 'unmatched' THEN 'unmatched'
    WHEN d.state = 'parked' THEN 'held'
    WHEN EXISTS (SELECT 1 FROM shipment_instances si JOIN shipments s ON s.id = si.shipment_id
                 WHERE si.instance_id = i.id AND si.state = 'passed' AND s.state = 'confirmed') THEN 'handed_off'
    WHEN EXISTS (SELECT 1 FROM shipment_instances si JOIN shipments s ON s.id = si.shipment_id
                 WHERE si.instance_id = i.id AND si.state = 'withheld') THEN 'withheld'
    ELSE 'elsewhere' END AS fate,
    CASE
    WHEN d.state = 'parked' THEN COALESCE(d.reason, '')
    ELSE COALESCE((SELECT MIN(si.reason) FROM shipment_instances si
                   WHERE si.instance_id = i.id AND si.state = 'withheld'), '') END AS reason,
    COUNT(*) AS count
FROM instances i LEFT JOIN deliveries d ON d.id = i.delivery_id GROUP BY 1, 2
"""

_REFUSALS = "SELECT reason, SUM(count) AS count FROM refusals GROUP BY reason ORDER BY reason"


@dataclass(frozen=True, slots=True)
class Counts:
    """Instances by where they ended. The names of the fields are the keys of the demo's JSON.

    Attributes:
        elsewhere: instances that the ledger knows in none of the states below; more than 0 is a loss.
    """

    unsent: int
    sent: int
    acknowledged: int
    refused: int
    handed_off: int
    withheld: int
    held: int
    duplicates: int
    variants: int
    unmatched: int
    elsewhere: int = 0
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)

    def gaps(self) -> list[str]:
        """Each sum that does not hold, in words; none when every instance is accounted for."""
        found = []
        if self.sent != self.acknowledged + self.refused:
            found.append(f"sent {self.sent} is not acknowledged {self.acknowledged} + refused {self.refused}")
        ended = self.handed_off + self.withheld + self.held + self.duplicates + self.variants + self.unmatched
        if self.acknowledged != ended:
            found.append(f"acknowledged {self.acknowledged} is not the {ended} that ended somewhere")
        if self.elsewhere:
            found.append(f"{self.elsewhere} instances ended in no known state")
        return found


def fates(ledger: sqlite3.Connection) -> Counter[tuple[str, str]]:
    """How many instances the ledger has in each (state, reason)."""
    return Counter({(row["fate"], _plain(row["reason"])): row["count"] for row in ledger.execute(_FATES)})


def count(push: Push, ledger: sqlite3.Connection) -> Counts:
    """Join what the sender saw with what the ledger knows."""
    found = fates(ledger)
    states: Counter[str] = Counter()
    reasons: dict[str, dict[str, int]] = {}
    for (state, reason), number in sorted(found.items()):
        states[state] += number
        if reason:
            reasons.setdefault(state, {})[reason] = number
    for (outcome, reason), number in sorted(push.reasons().items()):
        reasons.setdefault(outcome, {})[reason] = number
    told = {row["reason"]: row["count"] for row in ledger.execute(_REFUSALS)}
    if told and sum(told.values()) == push.count("refused"):
        # The receiver knows why; a sender sees a status alone.
        reasons["refused"] = told
    return Counts(
        unsent=push.count("unsent"),
        sent=push.sent,
        acknowledged=push.count("acknowledged"),
        refused=push.count("refused"),
        handed_off=states["handed_off"],
        withheld=states["withheld"],
        held=states["held"],
        duplicates=states["duplicate"],
        variants=states["variant"],
        unmatched=states["unmatched"],
        elsewhere=states["elsewhere"],
        reasons=reasons,
    )


def disagreements(counts: Counts, ledger: sqlite3.Connection, received: Sequence[ShipmentView]) -> list[str]:
    """Where the ledger and the handoff's own list of shipments tell different stories.

    Args:
        counts: what the ledger and the sender say.
        ledger: the open ledger.
        received: the handoff's shipments.
    """
    confirmed = {
        row["id"]: row["package_sha256"]
        for row in ledger.execute("SELECT id, package_sha256 FROM shipments WHERE state = 'confirmed'")
    }
    stored = {shipment.id: shipment.sha256 for shipment in received}
    found = []
    if confirmed != stored:
        found.append(f"the ledger has {len(confirmed)} confirmed shipments, the handoff holds {len(stored)} or others")
    delivered = sum(shipment.delivered for shipment in received)
    if delivered != counts.handed_off:
        found.append(f"the ledger handed off {counts.handed_off} instances, the handoff holds {delivered}")
    acknowledged = ledger.execute("SELECT COALESCE(SUM(acknowledged), 0) FROM associations").fetchone()[0]
    if acknowledged != counts.acknowledged:
        found.append(f"the sender saw {counts.acknowledged} acknowledgements, the ledger counts {acknowledged}")
    return found


def _plain(reason: str) -> str:
    return reason.removeprefix("held:")
