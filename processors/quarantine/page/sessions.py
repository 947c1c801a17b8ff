"""Who is signed in: kept in memory alone, so that the end of the process signs everybody out."""

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SECONDS: Final = 8 * 3600
"""A session's longest life."""
_MOST: Final = 256


@dataclass(slots=True)
class Session:
    """One browser of one person."""

    name: str
    until: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    path: str = field(default_factory=lambda: f"/{secrets.token_urlsafe(16)}", repr=False)
    """Where its pages are. Browsers show its cookie there alone, and to no other port of this machine."""
    looked: set[str] = field(default_factory=set)
    """Items whose originals this person was shown, each recorded once."""


class Sessions:
    """All of them, by the digest of their cookies."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, name: str) -> tuple[str, Session]:
        """Begin a session; returns the secret of its cookie, too."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._known = {key: each for key, each in self._known.items() if each.until > now}
            while len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[_digest(secret)] = begun = Session(name, now + SECONDS)
        return secret, begun

    def of(self, secret: str) -> Session | None:
        """The session of a cookie; None when there is none, or it is over."""
        with self._lock:
            found = self._known.get(_digest(secret))
        return found if found and found.until > self._clock() else None

    def end(self, secret: str) -> None:
        """Sign out."""
        with self._lock:
            self._known.pop(_digest(secret), None)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
