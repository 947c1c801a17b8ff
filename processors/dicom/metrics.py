"""What the receiver counts, for Prometheus: codes, counts and seconds; no AE title, no address, no PHI."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from processors.dicom.status import SUCCESS
from processors.ledger.associations import Ending
from processors.ledger.errors import LedgerError
from processors.ledger.schema import connect_readonly

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_STATES = {
    "deliveries": "SELECT state, count(*) FROM deliveries GROUP BY state",
    "shipments": "SELECT state, count(*) FROM shipments GROUP BY state",
    "evidence": "SELECT state, count(*) FROM evidence GROUP BY state",
    "results": "SELECT state, count(*) FROM results GROUP BY state",
    "commitments": "SELECT state, count(*) FROM commitments GROUP BY state",
    "labels": "SELECT state, count(*) FROM label_documents GROUP BY state",
}
_OLDEST = "SELECT min(sealed_at) FROM deliveries WHERE state NOT IN ('open', 'parked', 'terminal')"


class ReceiverMetrics:
    """The counters of one receiver, and what landing and ledger look like when somebody asks."""

    def __init__(self, ledger: Path, free_bytes: Callable[[], int], clock: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
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
        for ending in ("released", "aborted", "lost"):
            self._ended.labels(ending)
        self.registry.register(_Standing(ledger, free_bytes, clock))

    def gauge(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        """Add a gauge that is asked at each scrape."""
        Gauge(name, documentation, registry=self.registry).set_function(value)

    def troubled(self, cause: str) -> None:
        """An association was refused, aborted or odd."""
        self._troubles.labels(cause).inc()

    def association_opened(self) -> None:
        """An association was accepted."""
        self._open.inc()

    def association_ended(self, ending: Ending, duplicates: int) -> None:
        """It ended, and so many of its instances were duplicates."""
        self._duplicates.inc(duplicates)
        self._open.dec()
        self._ended.labels(ending).inc()

    def upload_answered(self, status: int) -> None:
        """An HTTP request was answered, whatever it was."""
        self._uploads.labels(str(status)).inc()

    def answered(self, status: int, size: int, seconds: float) -> None:
        """A C-STORE was answered; `size` in bytes."""
        self._stores.labels(f"{status:04X}").inc()
        self._seconds.observe(seconds)
        if status == SUCCESS:
            self._bytes.inc(size)


class _Standing:
    """Read at each scrape, through a connection of its own that cannot write."""

    def __init__(self, ledger: Path, free_bytes: Callable[[], int], clock: Callable[[], float]) -> None:
        self._ledger, self._free_bytes, self._clock = ledger, free_bytes, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family each; those of the ledger are absent while it cannot be read, which an alarm can see."""
        yield GaugeMetricFamily("sluice_landing_free_bytes", "Free bytes of the landing's disk", self._free_bytes())
        try:
            with closing(connect_readonly(self._ledger)) as ledger:
                found = {kind: ledger.execute(query).fetchall() for kind, query in _STATES.items()}
                oldest = ledger.execute(_OLDEST).fetchone()[0]
        except (LedgerError, sqlite3.Error):
            return
        for kind, rows in found.items():
            family = GaugeMetricFamily(f"sluice_ledger_{kind}", f"{kind.capitalize()} by state", labels=["state"])
            for state, count in rows:
                family.add_metric([state], count)
            yield family
        age = 0.0 if oldest is None else max(self._clock() - oldest, 0.0)
        yield GaugeMetricFamily("sluice_oldest_delivery_seconds", "Age of the oldest delivery still on its way", age)
