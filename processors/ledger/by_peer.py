"""What each modality offered in a stretch of time and what became of it.

An object is counted where it arrived (`received_at`; a refusal by `at`), an association where it was opened. Each
acknowledged object is in exactly one of `FATES`; with several destinations it is in the first of these that holds for
any of them, so *confirmed* means confirmed by all.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from processors.ledger.callers import CallerName, Callers
from processors.ledger.stated import stated
from processors.peers import Peers

_PLACES: Final = (
    "duplicate",
    "variant",
    "unmatched",
    "held",  # the delivery
    "withheld",
    "held",  # a shipment
    "in_flight",
    "rejected",
    "discarded",
    "withdrawn",
    "confirmed",
)
FATES: Final = tuple(dict.fromkeys(_PLACES))
"""States of `processors.ledger.accounts`, the one that counts first."""

_SHIPMENT_PLACE: Final = """
    CASE
        WHEN s.state = 'quarantined' THEN 4
        WHEN s.state = 'parked' AND s.reason LIKE 'held%' THEN 5
        WHEN s.state = 'parked' THEN 7
        WHEN s.state = 'closed' AND s.reason LIKE 'withdrawn%' THEN 9
        WHEN s.state = 'closed' THEN 8
        WHEN s.state = 'confirmed' THEN 10
        ELSE 6
    END
"""

# One look at each shipment and each withheld instance, not at each instance for each shipment: a day may have 10^6.
_ARRIVED: Final = f"""
    WITH arrived AS (
        SELECT i.id, i.association_id, i.delivery_id, i.disposition, i.size, i.received_at
        FROM instances i INDEXED BY instances_received WHERE i.received_at >= ?1 AND i.received_at < ?2
    ),
    touched AS (SELECT DISTINCT delivery_id AS id FROM arrived WHERE delivery_id IS NOT NULL),
    fates AS (
        SELECT t.id, CASE
                WHEN d.id IS NULL THEN 6
                WHEN d.state = 'parked' AND d.reason = 'unmatched' THEN 2
                WHEN d.state = 'parked' AND d.reason LIKE 'discarded%' THEN 8
                WHEN d.state = 'parked' THEN 3
                ELSE coalesce((SELECT min({_SHIPMENT_PLACE}) FROM shipments s WHERE s.delivery_id = t.id), 6)
            END AS place,
            EXISTS (SELECT 1 FROM shipments s WHERE s.delivery_id = t.id AND s.state = 'confirmed') AS handed_off,
            coalesce((SELECT sum(s.withheld) FROM shipments s WHERE s.delivery_id = t.id), 0) AS withholds
        FROM touched t LEFT JOIN deliveries d ON d.id = t.id
    )
    SELECT a.association_id, CASE
            WHEN a.disposition = 'duplicate' THEN 0
            WHEN a.disposition = 'variant' THEN 1
            WHEN f.withholds AND f.place > 4 AND EXISTS (
                SELECT 1 FROM shipment_instances si WHERE si.instance_id = a.id AND si.state = 'withheld') THEN 4
            ELSE coalesce(f.place, 6)
        END AS came_to,
        count(*) AS objects, sum(a.size) AS bytes, min(a.received_at) AS first_at, max(a.received_at) AS last_at,
        sum(coalesce(f.handed_off, 0) AND NOT (f.withholds AND NOT EXISTS (
            SELECT 1 FROM shipment_instances si JOIN shipments s ON s.id = si.shipment_id
            WHERE si.instance_id = a.id AND si.state = 'passed' AND s.state = 'confirmed'))) AS handed_off
    FROM arrived a LEFT JOIN fates f ON f.id = a.delivery_id
    GROUP BY a.association_id, came_to
"""  # noqa: S608 - no value enters it

_REFUSED: Final = """
    SELECT association_id, status, sum(count) AS objects, min(at) AS first_at, max(coalesce(last_at, at)) AS last_at
    FROM refusals WHERE at >= ? AND at < ? GROUP BY association_id, status
"""


@dataclass(slots=True)
class Account:
    """One modality's objects in a stretch of time."""

    caller: CallerName
    associations: int = 0
    """Opened then."""
    open_now: int = 0
    """Of all that brought something then or were opened then; what they hold is not all in the ledger yet."""
    acknowledged: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    """By C-STORE status."""
    fates: Counter[str] = field(default_factory=Counter)
    """Acknowledged objects by what became of them; each in one."""
    handed_off: int = 0
    """Of these, those for which at least one destination has signed."""
    bytes: int = 0
    """Of the data sets that were acknowledged."""
    stated: int = 0
    """Objects that the modality itself listed then (commitment, MPPS), once for each list."""
    stated_here: int = 0
    """Of these, those that are here."""
    first_at: float | None = None
    """Unix seconds of the first object, acknowledged or refused."""
    last_at: float | None = None

    @property
    def offered(self) -> int:
        """Objects that were answered, one way or the other."""
        return self.acknowledged + self.refused.total()

    def to_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "peer": self.caller.name,
            "in_peers_file": self.caller.is_known,
            "associations": self.associations,
            "open_now": self.open_now,
            "offered": self.offered,
            "acknowledged": self.acknowledged,
            "refused": self.refused.total(),
            "refused_by_status": {f"{status:04X}": number for status, number in sorted(self.refused.items())},
            **{fate: self.fates[fate] for fate in FATES},
            "handed_off": self.handed_off,
            "bytes": self.bytes,
            "stated": self.stated,
            "stated_here": self.stated_here,
            "first_at": self.first_at,
            "last_at": self.last_at,
        }

    def saw(self, first: float, last: float) -> None:
        """Something came between these two moments, Unix seconds."""
        self.first_at = first if self.first_at is None else min(self.first_at, first)
        self.last_at = last if self.last_at is None else max(self.last_at, last)


def accounts_of(ledger: sqlite3.Connection, peers: Peers, begin: float, end: float) -> list[Account]:
    """The accounts of all who called, those with the most objects first.

    Args:
        ledger: The ledger; the caller holds a transaction if all must be of one moment.
        peers: Whose names to use.
        begin: Unix seconds; the first that counts.
        end: Unix seconds; the first that counts no more.
    """
    callers, found = Callers(peers), dict[CallerName, Account]()
    whose: dict[str, Account] = {}
    counted: set[str] = set()

    def account_of(association_id: str) -> Account:
        if association_id not in whose:
            row = ledger.execute(
                "SELECT calling_ae, peer, ending FROM associations WHERE id = ?", (association_id,)
            ).fetchone()
            caller = callers.name(row["calling_ae"], row["peer"]) if row else CallerName("", is_known=False)
            account = whose[association_id] = found.setdefault(caller, Account(caller))
            if row and row["ending"] == "open":
                account.open_now += 1
        return whose[association_id]

    for row in ledger.execute("SELECT id FROM associations WHERE opened_at >= ? AND opened_at < ?", (begin, end)):
        account_of(row["id"]).associations += 1
        counted.add(row["id"])
    for row in ledger.execute(_ARRIVED, (begin, end)):
        account = account_of(row["association_id"])
        account.acknowledged += row["objects"]
        account.fates[_PLACES[row["came_to"]]] += row["objects"]
        account.handed_off += row["handed_off"]
        account.bytes += row["bytes"]
        account.saw(row["first_at"], row["last_at"])
    for row in ledger.execute(_REFUSED, (begin, end)):
        account = account_of(row["association_id"])
        account.refused[row["status"]] += row["objects"]
        account.saw(row["first_at"], row["last_at"])
    for each in stated(ledger, callers, begin, end):
        account = found.setdefault(each.caller, Account(each.caller))
        account.stated += each.named
        account.stated_here += each.here
    return sorted(found.values(), key=lambda each: (-each.offered, each.caller))
