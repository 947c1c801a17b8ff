"""What a peer's uploads by HTTP would be answered, and which ones were refused for want of a token.

A token has no date: it holds until it is taken out of the peers file, and from then on not at all.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Final

from processors.dicom.admission import Caller, ClientCertificate, Rejection
from processors.dicom.causes import explain
from processors.dicom.peer_finding import Finding, age
from processors.dicom.peers_policy import PeersPolicy
from processors.ledger import troubles
from processors.ledger.troubles import CountedTrouble, Trouble
from processors.peers import Peers
from processors.senders import Sender

_TOKENS: Final = frozenset({"no-token", "unknown-token"})
_SINCE_SECONDS: Final = 7 * 86400.0
_OURS: Final = "check"
"""Stands for the peer's token, of which nobody here has more than the digest."""


def would_upload(peers: Peers, sender: Sender, address: str) -> Iterator[Finding]:
    """What an upload with its token is answered, from this address; nothing if it has none."""
    if not sender.sends.tokens:
        return
    as_if = sender.sends.model_copy(update={"tokens": (hashlib.sha256(_OURS.encode()).hexdigest(),)})
    known = peers.senders | {sender.name: sender.model_copy(update={"sends": as_if})}
    tls = sender.sends.tls
    shown = None if tls is None else ClientCertificate(tls.names, (tls.sha256 or ("",))[0], time.time())
    caller = Caller("HTTP", "HTTP", address, encrypted=tls is not None, certificate=shown)
    answer = PeersPolicy(lambda: peers.model_copy(update={"senders": known})).admit_upload(caller, _OURS)
    if isinstance(answer, Rejection):
        sentence, remedy = explain(
            answer.cause,
            calling_ae=sender.called,
            called_ae="HTTP",
            address=address,
            peer=answer.peer,
            detail=answer.detail,
        )
        yield Finding(sender.name, "from", "uploads", False, sentence, remedy)
        return
    count = len(sender.sends.tokens)
    words = "its token" if count == 1 else f"any of its {count} tokens"
    how = ", with TLS and its certificate" if tls is not None else ""
    yield Finding(sender.name, "from", "uploads", True, f"Our receiver takes uploads with {words} from {address}{how}.")


def refused_uploads(ledger: sqlite3.Connection, sender: Sender, addresses: frozenset[str]) -> Iterator[Finding]:
    """The last upload from an address of the peer that showed no token, or one that nobody has.

    Nothing if it has a token and has come since: then somebody has seen to it.

    Args:
        ledger: What the receiver has seen.
        sender: The peer.
        addresses: Where it is reached, beside the addresses that it calls from.
    """
    found = _last_refused(ledger, sender, addresses)
    if found is None or (sender.sends.tokens and _has_come_since(ledger, sender, found.trouble)):
        return
    last = found.trouble
    times = "" if found.count == 1 else f", {found.count} times that day"
    when = f"{age(time.time() - last.at)} ago{times}"
    make = "make one with `sluice peers token`, write its SHA-256 under `sends.tokens`, and give it to the device"
    if last.cause == "unknown-token" and sender.sends.tokens:
        words = "showed a token that is not in the peers file, where it has another"
        remedy = f"Compare the two: it may have been taken out. Else {make}."
    elif last.cause == "unknown-token":
        words, remedy = "showed a token, and the peers file has none for it", f"Either the token is wrong, or {make}."
    elif sender.sends.tokens:
        words = "showed no token, though the peers file has one for it"
        remedy = "Enter the token at the device, as `Authorization: Bearer ...`."
    else:
        words, remedy = "showed no token, and the peers file has none for it", f"If it may upload, {make}."
    yield Finding(sender.name, "from", "token", False, f"An upload from {last.address}, {when}, {words}.", remedy)


def _last_refused(ledger: sqlite3.Connection, sender: Sender, addresses: frozenset[str]) -> CountedTrouble | None:
    """Addresses are compared only where the peer has some: anybody could else be meant."""
    for found in troubles.newest(ledger, since=time.time() - _SINCE_SECONDS, most=troubles.MOST_ROWS):
        address = found.trouble.address
        if found.trouble.cause in _TOKENS and (address in addresses or _calls_from(sender, address)):
            return found
    return None


def _calls_from(sender: Sender, address: str) -> bool:
    try:
        return sender.sends.addresses is not None and sender.calls_from(address)
    except ValueError:  # it was not heard
        return False


def _has_come_since(ledger: sqlite3.Connection, sender: Sender, refused: Trouble) -> bool:
    """The ledger does not say by which protocol."""
    row = ledger.execute(
        "SELECT 1 FROM associations WHERE calling_ae = ? AND peer = ? AND opened_at > ?",
        (sender.called, refused.address, refused.at),
    )
    return row.fetchone() is not None
