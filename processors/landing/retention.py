"""How long what was received stays in the landing: one pure function, which every part that deletes or promises asks.

Two dates bound it from below, and the later one holds:

1. The declared days after the last destination had it (or a person ended it). While that has not happened the days
   count from the sealing, so the answer is a date before which nothing goes; it can only move later.
2. What was promised to its sender by storage commitment (PS3.4 Annex J). A promise is kept though settings change.
"""

from dataclasses import dataclass
from typing import Final, Protocol

DAY_SECONDS: Final = 86400.0


class Declared(Protocol):
    """What the site's settings say; see `processors.site.Retention`."""

    def days_of(self, peer: str | None, rules: tuple[str, ...]) -> float:
        """Days for a peer's delivery that these routing rules held for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a delivery decides how long its originals stay; an instance stays as long as its delivery."""

    sealed_at: float
    """Unix seconds."""
    settled_at: float | None = None
    """When its last destination had confirmed it, or a person ended it, Unix seconds; None before that."""
    peer: str | None = None
    """Its sender's name in the peers file."""
    rules: tuple[str, ...] = ()
    """Names of the routing rules that held for it; empty before it is routed."""
    promised_until: float | None = None
    """Until when its sender was promised it, Unix seconds."""


def retention_until(standing: Standing, declared: Declared) -> float:
    """The moment before which no original of this delivery is removed, Unix seconds.

    For a delivery that is not settled the true date is later: nothing is removed before a signed receipt, or a person's
    word, whatever this says. Whoever promises this date to a sender must record it, see
    `processors.ledger.promises.promise`, as a setting may become shorter afterwards.
    """
    since = standing.sealed_at if standing.settled_at is None else max(standing.settled_at, standing.sealed_at)
    until = since + declared.days_of(standing.peer, standing.rules) * DAY_SECONDS
    return until if standing.promised_until is None else max(until, standing.promised_until)
