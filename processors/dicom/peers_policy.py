"""The peers file as the receiver's policy: who a caller is, and what it may do.

A caller is asked in this order; the first `no` is its answer:
    1. Is it one of our AE titles that it called?
    2. Does its calling AE title belong to a peer? If not: reject, quarantine or accept, as the file says.
    3. Does it call from one of that peer's addresses?
    4. Does it use TLS, and is its certificate the peer's, if the peer must?
    5. Has the peer a place free among its associations?
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from processors.dicom.admission import Admission, Caller, ClientCertificate, Rejection
from processors.dicom.allowance import Allowance
from processors.dicom.rejections import rejection
from processors.peers import Peers
from processors.senders import Sender, TLSIdentity

UNKNOWN_CALLER: Final = "unknown-caller"
"""Why deliveries of a caller that is in quarantine wait for a person."""


class PeersPolicy:
    """Decides by the peers that hold at the moment. Any thread."""

    def __init__(self, peers: Callable[[], Peers]) -> None:
        """Decide by what `peers` returns, asked anew for each caller."""
        self._peers = peers
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._allowances: dict[str, tuple[Sender, Allowance]] = {}
        self.counted: Callable[[str, bool], int] = lambda _peer, _anew: 0
        """Bytes that a peer has sent this day and nobody here has counted; the second argument: look again."""
        self._by_title: tuple[Peers | None, dict[str, list[Sender]]] = (None, {})

    def admit(self, caller: Caller) -> Admission | Rejection:
        """Whether this caller may have an association now, and on what terms."""
        peers = self._peers()
        ours = peers.receiver.called_ae_titles
        if ours is not None and caller.called_ae.strip() not in ours:
            return rejection("wrong-called-ae", detail=", ".join(ours))
        title = caller.calling_ae.strip()
        named = self._named(peers, title)
        if not named:
            return _stranger(peers.receiver.unknown_callers, caller)
        here = [sender for sender in named if sender.calls_from(caller.address)]
        if not here:
            return _no("wrong-address", named[0])
        return self._admit(here[0], caller)  # no two of a file can be meant by one caller

    def admit_upload(self, caller: Caller, token: str | None) -> Admission | Rejection:
        """The same by HTTP: a token names the peer, and one that nobody has is no unknown caller but a wrong key."""
        peers = self._peers()
        if token is None:
            answer = _stranger(peers.receiver.unknown_callers, caller)
            return replace(answer, cause="no-token") if isinstance(answer, Rejection) else answer
        shown = hashlib.sha256(token.encode("latin-1")).hexdigest()
        sender = next((one for one in peers.senders.values() if shown in (one.sends.tokens or ())), None)
        if sender is None:
            return Rejection("unknown-token", 1, 1, 3)
        if not sender.calls_from(caller.address):
            return _no("wrong-address", sender)
        return self._admit(sender, caller)

    def _admit(self, sender: Sender, caller: Caller) -> Admission | Rejection:
        wanted = sender.sends.tls
        if wanted is not None and not caller.encrypted:
            return _no("not-encrypted", sender)
        if wanted is not None and not _is_shown(wanted, caller.certificate):
            return _no("wrong-certificate", sender, _words(caller.certificate))
        return self._take_place(sender, caller)

    def _named(self, peers: Peers, title: str) -> Sequence[Sender]:
        """The peers with a calling AE title; the titles are sorted out once for each file."""
        known, by_title = self._by_title
        if known is not peers:
            by_title = {}
            for sender in peers.senders.values():
                for each in dict.fromkeys(sender.ae_titles):
                    by_title.setdefault(each, []).append(sender)
            self._by_title = (peers, by_title)
        return by_title.get(title, ())

    def _take_place(self, sender: Sender, caller: Caller) -> Admission | Rejection:
        most = sender.sends.limits.associations
        with self._lock:
            if most is not None and self._open[sender.name] >= most:
                return rejection("too-many-associations", peer=sender.name, detail=str(most))
            self._open[sender.name] += 1
            allowance = self._allowance(sender)
        return Admission(
            peer=sender.name,
            project=sender.sends.project,
            sop_classes=_set(sender.sends.sop_classes),
            transfer_syntaxes=_set(sender.sends.transfer_syntaxes),
            allowance=allowance,
            certificate=caller.certificate,
            calling_ae=sender.called,
            given_back=lambda: self._give_back(sender.name),
        )

    def _allowance(self, sender: Sender) -> Allowance:
        """What is left of a peer's allowance goes on until its limits change."""
        held = self._allowances.get(sender.name)
        if held is None or held[0].sends.limits != sender.sends.limits:
            limits = sender.sends.limits
            allowance = Allowance(limits.objects_per_second, limits.bytes_per_second, limits.bytes_per_day)
            if limits.bytes_per_day is not None:
                was_counted = held is not None and held[1].bytes_per_day is not None
                before = self.counted(sender.name, held is not None and not was_counted)
                allowance.count(max(before, held[1].today if held is not None else 0))
            held = (sender, allowance)
            self._allowances[sender.name] = held
        return held[1]

    def _give_back(self, name: str) -> None:
        with self._lock:
            self._open[name] -= 1


def _stranger(answer: str, caller: Caller) -> Admission | Rejection:
    if answer == "reject":
        return rejection("unknown-caller")
    return Admission(
        hold=UNKNOWN_CALLER if answer == "quarantine" else None,
        certificate=caller.certificate,
        calling_ae=caller.calling_ae.strip(),
    )


def _no(cause: str, sender: Sender, detail: str = "") -> Rejection:
    """Our own answer names no reason beyond the calling AE title: who probes learns nothing (PS3.8 table 9-21)."""
    return rejection(cause, peer=sender.name, detail=detail)


def _is_shown(wanted: TLSIdentity, certificate: ClientCertificate | None) -> bool:
    if certificate is None:
        return False
    if wanted.sha256 and certificate.sha256 not in wanted.sha256:
        return False
    folded = {name.casefold() for name in certificate.names}
    return not wanted.names or any(name.casefold() in folded for name in wanted.names)


def _words(certificate: ClientCertificate | None) -> str:
    return "none" if certificate is None else f"{', '.join(certificate.names)}; {certificate.sha256[:16]}…"


def _set(uids: Iterable[str] | None) -> frozenset[str] | None:
    return None if uids is None else frozenset(uids)
