"""Looks every few minutes whether a peer has become silent, and says so once, and once that it is heard again.

Onset: a trouble (log, ledger, doctor, count by cause). End: the event `peer-heard` in the log. Both are written down,
so that a restart tells neither twice.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from processors.dicom.causes import printable
from processors.dicom.event_log import EventLog
from processors.ledger import silences_told
from processors.ledger.callers import CallerName
from processors.ledger.schema import connect_readonly
from processors.ledger.silence import Silences, Standing
from processors.ledger.writer import Enter
from processors.peers import Peers

LOOK_SECONDS: Final = 300.0
CAUSE: Final = "peer-silent"


class Tell(Protocol):
    """Where a silence is told."""

    def __call__(self, cause: str, *, calling_ae: str, called_ae: str, address: str, peer: str, detail: str) -> object:
        """Note a trouble."""


class SilenceWatch:
    """Watches the peers of one receiver, in a thread of its own."""

    def __init__(self, ledger: Path, peers: Callable[[], Peers], zone: ZoneInfo, clock: Callable[[], float]) -> None:
        """Watch those whom `peers` names, by the local time of `zone`; `clock` tells Unix seconds."""
        self._ledger, self._zone, self._clock = ledger, zone, clock
        self._look_seconds = LOOK_SECONDS
        self._silences = Silences(peers, zone)
        self._told: dict[CallerName, float | None] = {}
        self._standings: list[Standing] = []
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, tell: Tell, submit: Callable[[Enter], object], log: EventLog, registry: CollectorRegistry) -> None:
        """Begin to look, at first after some minutes: who could not reach us while we were away may do so now.

        Args:
            tell: Notes a silence as a trouble.
            submit: Has work done on the ledger.
            log: Gets the ends of silences.
            registry: Gets the gauges.
        """
        registry.register(self)
        self._thread = threading.Thread(
            target=lambda: self._look_on(tell, submit, log), name="silence-watch", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def look(self, tell: Tell, submit: Callable[[Enter], object], log: EventLog) -> list[Standing]:
        """Look once, and tell what has changed.

        Raises:
            LedgerError: the ledger cannot be read.
            sqlite3.Error: nor can it be asked.
        """
        now = self._clock()
        with closing(connect_readonly(self._ledger)) as ledger:
            standings = self._silences.look(ledger, now)
            for standing in standings:
                if standing.caller not in self._told:
                    self._told[standing.caller] = silences_told.told(ledger, standing.caller)
        for standing in standings:
            self._compare(standing, now, tell, submit, log)
        self._standings = standings
        return standings

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, of the last look; peers by their names in the peers file, strangers only in the sum."""
        silent = GaugeMetricFamily("sluice_peer_silent", "1 if a peer is silent for too long", labels=["peer"])
        last = GaugeMetricFamily(
            "sluice_peer_last_object_timestamp_seconds", "When a peer last sent, Unix seconds", labels=["peer"]
        )
        standings = self._standings
        for standing in standings:
            if standing.caller.is_known:
                silent.add_metric([standing.caller.name], float(standing.state == "silent"))
                if standing.last_at is not None:
                    last.add_metric([standing.caller.name], standing.last_at)
        yield silent
        yield last
        number = sum(standing.state == "silent" for standing in standings)
        yield GaugeMetricFamily("sluice_silent_callers", "Peers and strangers that are silent for too long", number)

    def _compare(
        self, standing: Standing, now: float, tell: Tell, submit: Callable[[Enter], object], log: EventLog
    ) -> None:
        caller, since, told = standing.caller, standing.silent_since, self._told[standing.caller]
        if told is not None and (since is None or since > told):
            log.write("peer-heard", peer=printable(caller.name), silent_since=round(told, 3), state=standing.state)
            submit(lambda connection: silences_told.tell_end(connection, caller, now))
            self._told[caller] = told = None
        if since is not None and told is None:
            moment = datetime.fromtimestamp(since, self._zone).strftime("%Y-%m-%d %H:%M")
            detail = f"{moment} ({self._zone.key})"
            tell(CAUSE, calling_ae="", called_ae="", address="", peer=printable(caller.name), detail=detail)
            submit(lambda connection: silences_told.tell_begin(connection, caller, now, since))
            self._told[caller] = since

    def _look_on(self, tell: Tell, submit: Callable[[Enter], object], log: EventLog) -> None:
        while not self._closing.wait(self._look_seconds):
            try:
                self.look(tell, submit, log)
            except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
                log.fault("silence-watch", error)
