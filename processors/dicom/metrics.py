"""What the receiver counts, for Prometheus: codes, counts and seconds; no AE title, no address, no PHI.

What depends on who sends is in `peer_metrics`, by names of the peers file.
"""

import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from processors.dicom.peer_metrics import PeerMetrics
from processors.dicom.pressure import Pressure
from processors.dicom.rejections import REJECTIONS
from processors.dicom.resources import free_descriptors, open_descriptors
from processors.dicom.status import SUCCESS
from processors.ledger.associations import Ending
from processors.ledger.backlog import Backlog, backlog
from processors.ledger.errors import LedgerError
from processors.ledger.schema import connect_readonly

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_STATES = {
    "deliveries": """
        SELECT iif(state = 'parked' AND reason LIKE 'discarded%', 'discarded', state) AS said, count(*)
        FROM deliveries GROUP BY said""",
    "shipments": "SELECT state, count(*) FROM shipments GROUP BY state",
    "evidence": "SELECT state, count(*) FROM evidence GROUP BY state",
    "results": "SELECT state, count(*) FROM results GROUP BY state",
    "commitments": "SELECT state, count(*) FROM commitments GROUP BY state",
    "labels": "SELECT state, count(*) FROM label_documents GROUP BY state",
    "performed_steps": "SELECT state, count(*) FROM performed_steps GROUP BY state",
}
_OLDEST = "SELECT min(sealed_at) FROM deliveries WHERE state NOT IN ('open', 'parked', 'terminal')"


class ReceiverMetrics:
    """The counters of one receiver, and what landing and ledger look like when somebody asks."""

    def __init__(self, ledger: Path, free_bytes: Callable[[], int], clock: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self.strains: Callable[[], tuple[str, ...]] = tuple
        """Where there is pressure now."""
        self._open = Gauge("sluice_associations_open", "Associations open now", registry=self.registry)
        self._ended = Counter("sluice_associations", "Associations ended", ["ending"], registry=self.registry)
        self._stores = Counter("sluice_stores", "C-STOREs answered, by status", ["status"], registry=self.registry)
        self._duplicates = Counter("sluice_duplicates", "Instances that were there already", registry=self.registry)
        self._bytes = Counter("sluice_stored_bytes", "Bytes of data sets made durable", registry=self.registry)
        self._seconds = Histogram(
            "sluice_store_seconds",
            "Seconds from the first byte of a C-STORE to its status",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._troubles = Counter(
            "sluice_association_troubles", "Associations refused, aborted or odd", ["cause"], registry=self.registry
        )
        self._uploads = Counter(
            "sluice_uploads", "HTTP uploads answered, by status", ["status"], registry=self.registry
        )
        self._refused_entries = Counter(
            "sluice_ledger_entries_refused", "Entries that the ledger will never take", registry=self.registry
        )
        self._parts = Gauge("sluice_part_files_open", "Objects on their way to a part file", registry=self.registry)
        self.by_peer = PeerMetrics(self.registry)
        self._success = self._stores.labels(f"{SUCCESS:04X}")
        self._endings = {ending: self._ended.labels(ending) for ending in ("released", "aborted", "lost")}
        self.registry.register(_Standing(ledger, free_bytes, clock))

    def gauge(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        """Add a gauge that is asked at each scrape."""
        Gauge(name, documentation, registry=self.registry).set_function(value)

    def watch(self, pressure: Pressure) -> None:
        """Show where there is pressure."""
        self.strains = lambda: pressure.states
        states = Gauge("sluice_pressure", "1 while objects are refused for this", ["kind"], registry=self.registry)
        for kind in pressure.kinds:
            states.labels(kind).set_function(functools.partial(pressure.is_on, kind))
        self.gauge("sluice_descriptors_open", "File descriptors that are open", open_descriptors)
        self.gauge("sluice_descriptors_free", "File descriptors that can still be opened", free_descriptors)

    def troubled(self, cause: str, peer: str | None = None) -> None:
        """An association was refused, aborted or odd."""
        self._troubles.labels(cause).inc()
        if cause in REJECTIONS:
            self.by_peer.rejected(peer)

    def entry_refused(self) -> None:
        """The ledger refuses an entry for good; recovery will try again."""
        self._refused_entries.inc()

    def part_opened(self) -> None:
        """A part file was opened."""
        self._parts.inc()

    def part_closed(self) -> None:
        """It was closed, whatever became of it."""
        self._parts.dec()

    def association_opened(self, peer: str | None = None) -> None:
        """An association was accepted; `peer` is its name in the peers file."""
        self._open.inc()
        self.by_peer.opened(peer)

    def association_ended(self, ending: Ending, duplicates: int, peer: str | None = None) -> None:
        """It ended, and so many of its instances were duplicates."""
        if duplicates:
            self._duplicates.inc(duplicates)
        self._open.dec()
        self._endings[ending].inc()
        self.by_peer.ended(peer, ending)

    def upload_answered(self, status: int) -> None:
        """An HTTP request was answered, whatever it was."""
        self._uploads.labels(str(status)).inc()

    def answered(self, status: int, size: int, seconds: float, peer: str | None = None) -> None:
        """A C-STORE was answered; `size` in bytes."""
        if status == SUCCESS:
            self._success.inc()
            self._bytes.inc(size)
        else:
            self._stores.labels(f"{status:04X}").inc()
        self._seconds.observe(seconds)
        self.by_peer.answered(peer, status, size)


class _Standing:
    """Read at each scrape, through a connection of its own that cannot write."""

    def __init__(self, ledger: Path, free_bytes: Callable[[], int], clock: Callable[[], float]) -> None:
        self._ledger, self._free_bytes, self._clock = ledger, free_bytes, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family each; those of the ledger are absent while it cannot be read, which an alarm can see."""
        yield GaugeMetricFamily("sluice_landing_free_bytes", "Free bytes of the landing's disk", self._free_bytes())
        try:
            with closing(connect_readonly(self._ledger)) as ledger:
                unconfirmed = backlog(ledger)
                found = {kind: ledger.execute(query).fetchall() for kind, query in _STATES.items()}
                oldest = ledger.execute(_OLDEST).fetchone()[0]
        except (LedgerError, sqlite3.Error):
            return
        for kind, rows in found.items():
            family = GaugeMetricFamily(f"sluice_ledger_{kind}", f"{kind.capitalize()} by state", labels=["state"])
            for state, count in rows:
                family.add_metric([state], count)
            yield family
        yield from _of_backlog(unconfirmed, self._clock())
        age = 0.0 if oldest is None else max(self._clock() - oldest, 0.0)
        yield GaugeMetricFamily("sluice_oldest_delivery_seconds", "Age of the oldest delivery still on its way", age)


def _of_backlog(found: Backlog, now: float) -> Iterator[GaugeMetricFamily]:
    """What the landing holds that is not confirmed everywhere; what waits for a person is part of it."""
    age = 0.0 if found.oldest_sealed_at is None else max(now - found.oldest_sealed_at, 0.0)
    for name, what, value in (
        ("sluice_landing_unconfirmed_bytes", "Bytes of data sets in the landing that are not confirmed", found.bytes),
        ("sluice_landing_unconfirmed_objects", "Objects in the landing that are not confirmed", found.objects),
        ("sluice_landing_waiting_deliveries", "Deliveries that NiFi has not taken up", found.waiting),
        ("sluice_oldest_unconfirmed_seconds", "Age of the oldest delivery that is not confirmed, held ones too", age),
    ):
        yield GaugeMetricFamily(name, what, value)
