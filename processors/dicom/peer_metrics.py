"""What the receiver counts by peer. A label is a name of the peers file, so there are as many as people wrote there.

Callers that are no peer are one value together, whatever they call themselves; and should the names of a changing
peers file become too many, those that come later are another.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from processors.dicom.status import SUCCESS
from processors.ledger.associations import Ending

UNKNOWN: Final = "(unknown)"
"""No name of a peer has brackets."""
OTHERS: Final = "(others)"
MOST_PEERS: Final = 500


class PeerMetrics:
    """Counters with the label `peer`. Any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._names: set[str] = set()
        self._stored: dict[str, tuple[Counter, Counter]] = {}
        self._events: dict[tuple[str, str], tuple[Gauge, Counter]] = {}
        self._open = Gauge(
            "sluice_peer_associations_open", "Associations open now, by peer", ["peer"], registry=registry
        )
        self._associations = Counter(
            "sluice_peer_associations",
            "Associations by peer and what happened: accepted, rejected, released, aborted, lost",
            ["peer", "event"],
            registry=registry,
        )
        self._objects = Counter(
            "sluice_peer_objects", "C-STOREs answered, by peer and status", ["peer", "status"], registry=registry
        )
        self._bytes = Counter(
            "sluice_peer_stored_bytes", "Bytes of data sets made durable, by peer", ["peer"], registry=registry
        )

    def opened(self, peer: str | None) -> None:
        """An association was accepted."""
        open_now, accepted = self._of(self._label(peer), "accepted")
        open_now.inc()
        accepted.inc()

    def rejected(self, peer: str | None) -> None:
        """An association was rejected."""
        self._associations.labels(self._label(peer), "rejected").inc()

    def ended(self, peer: str | None, ending: Ending) -> None:
        """An association ended."""
        open_now, ended = self._of(self._label(peer), ending)
        open_now.dec()
        ended.inc()

    def answered(self, peer: str | None, status: int, size: int) -> None:
        """A C-STORE was answered; `size` in bytes."""
        label = self._label(peer)
        if status != SUCCESS:
            self._objects.labels(label, f"{status:04X}").inc()
            return
        if label not in self._stored:  # to look both up costs as much as all else that is counted for an object
            self._stored[label] = self._objects.labels(label, f"{status:04X}"), self._bytes.labels(label)
        objects, stored_bytes = self._stored[label]
        objects.inc()
        stored_bytes.inc(size)

    def _of(self, label: str, event: str) -> tuple[Gauge, Counter]:
        """How many are open, and how often this happened; looked up once, as above."""
        found = self._events.get((label, event))
        if found is None:
            found = self._events[label, event] = self._open.labels(label), self._associations.labels(label, event)
        return found

    def _label(self, peer: str | None) -> str:
        if not peer:
            return UNKNOWN
        if peer not in self._names:
            if len(self._names) >= MOST_PEERS:
                return OTHERS
            self._names.add(peer)
        return peer
