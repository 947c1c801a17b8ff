"""How much one sender may ask of a replica: buckets that fill with time, and of each name one."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable


class Buckets:
    """Each name may take `burst` at once, and `per_second` on average.

    The names heard of last are remembered, so that inventing names costs no memory.
    """

    def __init__(
        self, per_second: float, burst: float, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._most = most
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one. Returns 0, or the seconds to wait when there is none to take."""
        now = self._clock()
        left, at = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        taken = left >= 1
        self._left[name] = (left - 1 if taken else left, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return 0.0 if taken else (1 - left) / self._per_second


def neighbourhood(address: str | None) -> str:
    """What one sender has of addresses: a single one of IPv4, and of IPv6 the 2**64 that a site is given at least."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)
