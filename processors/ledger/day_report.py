"""One report for a day or several: the account of each modality, and what does not agree."""

import sqlite3
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from processors.landing.layout import Layout
from processors.ledger.by_peer import Account, accounts_of
from processors.ledger.by_peer_gaps import gaps_of
from processors.ledger.gaps import Gap
from processors.peers import Peers


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole days of a time zone, both ends among them; one with a change of the clocks has 23 or 25 hours."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def begin(self) -> float:
        """Unix seconds of its first moment."""
        return datetime.combine(self.first, time.min, self.zone).timestamp()

    @property
    def end(self) -> float:
        """Unix seconds of the first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time.min, self.zone).timestamp()

    def __str__(self) -> str:
        days = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        return f"{days} ({self.zone.key})"


@dataclass(frozen=True, slots=True)
class DayReport:
    """What each modality sent in a stretch of days, what became of it, and what does not agree."""

    stretch: Stretch
    accounts: list[Account] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "first_day": self.stretch.first.isoformat(),
            "last_day": self.stretch.last.isoformat(),
            "time_zone": self.stretch.zone.key,
            "peers": [account.to_json() for account in self.accounts],
            "gaps": [{"subject": gap.subject, "kind": gap.kind, "detail": gap.detail} for gap in self.gaps],
        }


def report_of(ledger: sqlite3.Connection, layout: Layout, peers: Peers, stretch: Stretch) -> DayReport:
    """Account for a stretch of days, all of one moment of the ledger.

    Args:
        ledger: Through a connection that is in no transaction.
        layout: The landing.
        peers: Whose names to use.
        stretch: Which days.
    """
    ledger.execute("BEGIN")
    try:
        accounts = accounts_of(ledger, peers, stretch.begin, stretch.end)
        gaps = sorted(gaps_of(ledger, layout, stretch.begin, stretch.end))
    finally:
        ledger.execute("ROLLBACK")
    return DayReport(stretch, accounts, gaps)
