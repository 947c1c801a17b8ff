"""Counts for Prometheus: requests by route since the start, and what the database says at each scrape."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from handoff.database.engine import Database
from handoff.database.tables import (
    Batch,
    DuplicateRun,
    Handoff,
    MirrorRow,
    ModelVersion,
    OutboxRow,
    Table,
)
from handoff.handoffs.retry import dead_letters
from handoff.telemetry.census import Census

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_SMALL: dict[str, type[Table]] = {
    "batches": Batch,
    "models": ModelVersion,
    "outbox": OutboxRow,
    "duplicate_runs": DuplicateRun,
}


class RequestMetrics:
    """Requests of this process by method, route and status. The route is the pattern, never the path as sent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "sluice_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "sluice_request_seconds",
            "Seconds to the end of the answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._bytes = Counter("sluice_received_bytes", "Bytes of request bodies", ["route"], registry=self.registry)

    def answered(self, method: str, route: str, status: int, received: int, seconds: float) -> None:
        """Count one; `received` in bytes."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        self._bytes.labels(route).inc(received)


class DatabaseMetrics:
    """A collector that reads the database when it is scraped."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._census = Census(database)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family for each thing that is counted."""
        self._census.look()
        yield from (_total(name, count) for name, count in self._census.rows.items())
        studies = GaugeMetricFamily("sluice_studies", "Studies by state", labels=["state"])
        for state, count in self._census.studies.items():
            studies.add_metric([state], count)
        yield studies
        with self._database.read() as session:
            yield from [*_totals(session), _handoffs(session), _waiting(session), _dead(session), _untold(session)]


def _totals(session: Session) -> Iterator[GaugeMetricFamily]:
    for name, table in _SMALL.items():
        yield _total(name, session.scalar(select(func.count()).select_from(table)) or 0)


def _total(name: str, count: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sluice_{name}", f"Rows: {name.replace('_', ' ')}", count)


def _handoffs(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily("sluice_handoffs", "Handoffs by kind and state", labels=["kind", "state"])
    return _filled(family, session, Handoff.kind, Handoff.state)


def _filled(family: GaugeMetricFamily, session: Session, *by: InstrumentedAttribute[str]) -> GaugeMetricFamily:
    for row in session.execute(select(*by, func.count()).group_by(*by)):
        *labels, count = tuple(row)
        family.add_metric([str(label) for label in labels], float(count))
    return family


def _waiting(session: Session) -> GaugeMetricFamily:
    """How long the oldest handoff waits for its engine: what an alarm is best set on."""
    oldest = session.scalar(select(func.min(Handoff.created_at)).join(OutboxRow, OutboxRow.handoff_id == Handoff.id))
    age = 0.0 if oldest is None else max(time.time() - oldest, 0.0)
    return GaugeMetricFamily("sluice_oldest_handoff_seconds", "Age of the oldest handoff without an engine", age)


def _dead(session: Session) -> GaugeMetricFamily:
    """Handoffs that no engine had and that wait for a person: to retry, or to leave."""
    count = session.scalar(select(func.count()).select_from(Handoff).where(dead_letters())) or 0
    return GaugeMetricFamily("sluice_handoff_dead_letters", "Handoffs that ended without an engine's run", count)


def _untold(session: Session) -> GaugeMetricFamily:
    """What a mirror refused for good: dead letters, for a person to look at."""
    family = GaugeMetricFamily("sluice_mirror_dead_letters", "Things that a mirror refused", labels=["mirror"])
    dead = select(MirrorRow.mirror, func.count()).where(MirrorRow.state == "dead").group_by(MirrorRow.mirror)
    for mirror, count in session.execute(dead):
        family.add_metric([mirror], float(count))
    return family
