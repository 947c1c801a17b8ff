"""Wait until no instance is on its way any more, in the ledger's own words."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from sluice.demo.errors import StandstillError

STANDSTILL_SECONDS = 120.0
"""How long nothing may change before the demo gives up."""

_LOOK_EVERY_SECONDS = 0.25

_LOOK = """
SELECT (SELECT COUNT(*) FROM associations WHERE ending = 'open') AS open_associations,
       (SELECT COUNT(*) FROM deliveries) AS deliveries,
       (SELECT COUNT(*) FROM deliveries WHERE state IN ('terminal', 'parked')) AS ended_deliveries,
       (SELECT COUNT(*) FROM shipments) AS shipments,
       (SELECT COUNT(*) FROM shipments WHERE state IN ('packaged', 'confirmed')) AS packaged,
       (SELECT COUNT(*) FROM shipments WHERE state = 'confirmed') AS confirmed,
       (SELECT COUNT(*) FROM evidence) AS evidence,
       (SELECT COUNT(*) FROM evidence WHERE state IN ('confirmed', 'parked', 'closed')) AS ended_evidence
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far deliveries, shipments and evidence have come."""

    open_associations: int
    deliveries: int
    ended_deliveries: int
    shipments: int
    packaged: int
    confirmed: int
    evidence: int
    ended_evidence: int

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way."""
        return (
            self.open_associations == 0
            and self.deliveries > 0
            and self.ended_deliveries == self.deliveries
            and self.ended_evidence == self.evidence
        )

    def __str__(self) -> str:
        """One line of progress."""
        return (
            f"deliveries {self.ended_deliveries}/{self.deliveries}   packaged {self.packaged}/{self.shipments}   "
            f"receipts {self.confirmed}/{self.shipments}   evidence {self.ended_evidence}/{self.evidence}"
        )


def look(ledger: sqlite3.Connection) -> Standing:
    """Read the ledger once."""
    return Standing(*ledger.execute(_LOOK).fetchone())


def settle(ledger: sqlite3.Connection, on_look: Callable[[Standing], None]) -> Standing:
    """Look until everything has ended somewhere.

    Args:
        ledger: open for reading.
        on_look: told of each look; may raise to give up early.

    Raises:
        StandstillError: nothing changed for two minutes.
    """
    before, changed = look(ledger), time.monotonic()
    while not before.settled:
        on_look(before)
        time.sleep(_LOOK_EVERY_SECONDS)
        now = look(ledger)
        if now != before:
            before, changed = now, time.monotonic()
        elif time.monotonic() - changed > STANDSTILL_SECONDS:
            message = f"Nothing moved for {STANDSTILL_SECONDS:.0f} s: {now}."
            raise StandstillError(message)
    return before
