"""Does every witness tell the same story? Reads only; what it finds is named by id.

While a receiver runs, landing and ledger are a moment apart. So a gap counts only if a second look sees it too.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from processors.landing import journal
from processors.landing.delivery import is_sealed
from processors.landing.errors import LandingMissingError
from processors.landing.filling import JOURNAL_FILE
from processors.landing.journal import AssociationLine, DeliveryLine
from processors.landing.layout import Layout
from processors.ledger import accounts, gaps, label_documents, results
from processors.ledger.associations import open_associations
from processors.ledger.gaps import Gap, HandoffShipment
from processors.ledger.label_gaps import in_labels
from processors.ledger.schema import connect_readonly
from processors.ledger.step_gaps import in_steps

SECOND_LOOK_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Report:
    """What reconciling found."""

    acknowledged: int
    """Objects answered with Success, those of open associations and unsealed deliveries among them."""
    refused: dict[str, int]
    """Refusals by reason code."""
    states: dict[str, int]
    """Acknowledged instances by state, once for each shipment of their delivery."""
    gaps: list[Gap]
    witnesses: tuple[str, ...]
    labels: dict[str, int] = field(default_factory=dict)
    """Label documents by state."""
    results: dict[str, int] = field(default_factory=dict)
    """Objects of results on their way back, by state."""

    def to_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "acknowledged": self.acknowledged,
            "refused": self.refused,
            "states": self.states,
            "labels": self.labels,
            "gaps": [{"subject": gap.subject, "kind": gap.kind, "detail": gap.detail} for gap in self.gaps],
            "witnesses": list(self.witnesses),
            "results": self.results,
        }


def reconcile(
    landing: Path,
    ledger: Path,
    handoff: Callable[[], Mapping[str, HandoffShipment]] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Report:
    """Compare all witnesses.

    Args:
        landing: The landing folder.
        ledger: The ledger file; opened so that it cannot be written.
        handoff: Gets the handoff's list; None leaves this witness out.
        pause: Waits for the second look.

    Raises:
        LedgerError: the ledger cannot be read, or the handoff does not answer.
        LandingMissingError: there is no landing.
    """
    layout = Layout(landing)
    if not layout.deliveries.is_dir():
        raise LandingMissingError(f"There is no landing at {layout.root}.")
    with closing(connect_readonly(ledger)) as connection:
        found = _look(layout, connection, handoff)
        if found:
            pause(SECOND_LOOK_SECONDS)
            again = {gap.key for gap in _look(layout, connection, handoff)}
            found = [gap for gap in found if gap.key in again]
        return _report(layout, connection, found, ("landing", "ledger", "receipts", *(["handoff"] if handoff else [])))


def receiver_runs(layout: Layout) -> bool:
    """Whether a receiver holds the landing's lock."""
    try:
        descriptor = os.open(layout.receiver_lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _look(
    layout: Layout, connection: sqlite3.Connection, handoff: Callable[[], Mapping[str, HandoffShipment]] | None
) -> list[Gap]:
    """One look at everything, the ledger as it is at one moment."""
    connection.execute("BEGIN")
    try:
        found = [
            *gaps.in_landing(layout, connection, receiver_runs=receiver_runs(layout)),
            *gaps.in_associations(layout, connection),
            *gaps.in_ledger(connection),
            *gaps.in_receipts(layout, connection),
            *gaps.in_results(layout, connection),
            *in_labels(layout, connection),
            *in_steps(layout, connection),
        ]
        if handoff is not None:
            found.extend(gaps.at_handoff(connection, handoff()))
    finally:
        connection.execute("ROLLBACK")
    return sorted(found)


def _report(layout: Layout, connection: sqlite3.Connection, found: list[Gap], witnesses: tuple[str, ...]) -> Report:
    connection.execute("BEGIN")
    try:
        open_ids = {facts.id for facts in open_associations(connection)}
        states, known = accounts.count(connection), accounts.acknowledged(connection)
        refused = accounts.refused(connection)
        returned = results.count(connection)
        labels = label_documents.counts(connection)
        entered = accounts.duplicates_by_association(connection)
    finally:
        connection.execute("ROLLBACK")
    kept, again = _not_yet_entered(layout, open_ids, entered)
    states["in_flight"] += kept
    states["duplicate"] += again
    return Report(known + kept + again, refused, states, found, witnesses, labels, returned)


def _not_yet_entered(layout: Layout, open_associations: set[str], entered: Mapping[str, int]) -> tuple[int, int]:
    """Instances of deliveries that are being filled, and duplicates of open associations, by their journals.

    `entered` says how many of the latter have a row already.
    """
    kept = sum(
        sum(line.kept is not None for line in journal.read(folder / JOURNAL_FILE, DeliveryLine))
        for folder in layout.delivery_folders()
        if not is_sealed(folder)
    )
    again = sum(max(_duplicates(layout, each) - entered.get(each, 0), 0) for each in open_associations)
    return kept, again


def _duplicates(layout: Layout, association_id: str) -> int:
    return sum(line.duplicate is not None for line in journal.read(layout.journal_of(association_id), AssociationLine))
