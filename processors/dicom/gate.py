"""What stands between the network and the receiver: the peers file, TLS and its files, and who looks after them.

A thread looks at the files every few seconds, so that a fault in them is told when it is made, not when the next
modality calls; each association looks too, so that what is written holds at once.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from processors.dicom.admission import Caller, Everybody, Policy
from processors.dicom.admitted import SOON_SECONDS, in_days
from processors.dicom.congestion import UnderCongestion
from processors.dicom.day_count import DayCount
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.peers_policy import PeersPolicy
from processors.dicom.peers_watch import PeersWatch
from processors.dicom.tls import ServerTLS, TLSFiles
from processors.peers import Peers

LOOK_SECONDS: Final = 5.0
_DAY_SECONDS: Final = 86400.0
Troubled = Callable[[Caller, str, str], None]


class Gate:
    """The policy, and TLS if there is any."""

    def __init__(self, peers_file: Path | None, tls_files: TLSFiles | None) -> None:
        """Read everything for the first time.

        Args:
            peers_file: Who may call; None for everybody.
            tls_files: For the port with TLS; None if there is none.

        Raises:
            PeersFileError: the peers file cannot be used.
            CertificateFilesError: the files of TLS cannot be used.
        """
        self._watch = PeersWatch(peers_file, self._peers_broken, self._peers_changed) if peers_file else None
        self._by_peers = PeersPolicy(self._watch.current) if self._watch else None
        self._guarded = UnderCongestion(self._by_peers or Everybody())
        self.policy: Policy = self._guarded
        self.tls = ServerTLS(tls_files, self._tls_broken) if tls_files else None
        self._troubled: Troubled = lambda _caller, _cause, _detail: None
        self._changed: Callable[[int], object] = lambda _: None
        self._closing = threading.Event()
        self._warned_on = -1

    def bound(self, congestion: Callable[[], str | None], ledger: Path) -> None:
        """Reject while `congestion` names what runs short, and count on from what the ledger has of this day."""
        self._guarded.congestion = congestion
        if self._by_peers is not None and self._watch is not None:
            count = DayCount(ledger, self._watch.current)
            self._by_peers.counted = lambda peer, anew: count.of(peer, anew=anew)

    def open(self, troubled: Troubled, changed: Callable[[int], object], metrics: ReceiverMetrics) -> None:
        """Begin to look after the files.

        Args:
            troubled: Told what is wrong with them.
            changed: Told how many senders a new peers file names.
            metrics: Gets the gauges of both.
        """
        self._troubled, self._changed = troubled, changed
        if self._watch is not None:
            watch = self._watch
            metrics.gauge("sluice_peers_file_sound", "1 if the peers file as it is now holds", lambda: watch.is_sound)
        if self.tls is not None:
            tls = self.tls
            metrics.gauge(
                "sluice_certificate_expires_timestamp_seconds",
                "When the receiver's certificate expires, Unix seconds",
                lambda: tls.expires_at,
            )
            metrics.gauge("sluice_certificate_files_sound", "1 if the files of TLS hold", lambda: tls.is_sound)
        if self._watch is not None or self.tls is not None:
            threading.Thread(target=self._look_on, name="gate", daemon=True).start()

    def peers(self) -> Peers:
        """The peers that hold at the moment; none without a peers file."""
        return self._watch.current() if self._watch is not None else Peers()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def _look_on(self) -> None:
        while True:
            if self._watch is not None:
                self._watch.look()
            if self.tls is not None:
                self.tls.look()
                self._warn_of_expiry(self.tls.expires_at)
            if self._closing.wait(LOOK_SECONDS):
                return

    def _warn_of_expiry(self, expires_at: float) -> None:
        """Once a day."""
        now = time.time()
        if expires_at - now < SOON_SECONDS and self._warned_on != now // _DAY_SECONDS:
            self._warned_on = int(now // _DAY_SECONDS)
            self._troubled(_NOBODY, "our-certificate-expires", in_days(expires_at, now))

    def _peers_broken(self, why: str) -> None:
        self._troubled(_NOBODY, "peers-file-broken", why)

    def _peers_changed(self, peers: Peers) -> None:
        self._changed(len(peers.senders))

    def _tls_broken(self, why: str) -> None:
        self._troubled(_NOBODY, "certificate-files-broken", why)


_NOBODY: Final = Caller("", "", "")
