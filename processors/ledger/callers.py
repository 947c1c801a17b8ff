"""Who a row of `associations` stands for: the peer of the peers file, else the calling AE title as it came.

The ledger keeps what was said on the wire, and the peers file says who that is: today's names hold for the past too.
"""

from dataclasses import dataclass
from ipaddress import ip_address

from processors.peers import Peers
from processors.senders import Sender


@dataclass(frozen=True, slots=True, order=True)
class CallerName:
    """What a caller is called in reports."""

    name: str
    is_known: bool
    """Whether it is a name of the peers file, and not a calling AE title."""

    def __str__(self) -> str:
        return self.name


class Callers:
    """Names callers; the same answer to the same question is looked up once."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._by_title: dict[str, list[Sender]] = {}
        for sender in peers.senders.values():
            for title in dict.fromkeys(sender.ae_titles):
                self._by_title.setdefault(title, []).append(sender)
        self._called = {peer.ae_title: peer.name for peer in reversed(peers.peers.values())}
        self._known: dict[tuple[str, str], CallerName] = {}

    def name(self, calling_ae: str, address: str) -> CallerName:
        """The caller with this AE title at this address (empty if nobody knows it any more)."""
        key = (calling_ae, address)
        if key not in self._known:
            self._known[key] = self._find(calling_ae.strip(), address)
        return self._known[key]

    def _find(self, title: str, address: str) -> CallerName:
        named = self._by_title.get(title, [])
        here = [sender for sender in named if _calls_from(sender, address)]
        if here or (named and not address):
            return CallerName((here or named)[0].name, is_known=True)
        if title in self._called and not named:
            # What `sluice pull --by get` fetches comes under the AE title of the PACS that it was fetched from.
            return CallerName(self._called[title], is_known=True)
        return CallerName(title, is_known=False)


def _calls_from(sender: Sender, address: str) -> bool:
    try:
        ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return sender.sends.addresses is None
    return sender.calls_from(address)
