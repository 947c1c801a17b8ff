"""How long a body may take: no long silence, and not slower than a limit for long."""

from typing import Protocol


class PaceLimits(Protocol):
    """What a site sets."""

    @property
    def silence_seconds(self) -> float:
        """Longest silence."""

    @property
    def slowest_bytes_per_second(self) -> float:
        """Slowest pace."""


class Pace:
    """Of one body. Only the time that was spent waiting for its sender counts."""

    def __init__(self, limits: PaceLimits) -> None:
        self._limits = limits
        self._waited = 0.0
        self._received = 0

    def patience(self) -> float:
        """Seconds that its sender may be silent from now."""
        left = self._limits.silence_seconds + self._received / self._limits.slowest_bytes_per_second - self._waited
        return max(0.0, min(left, self._limits.silence_seconds))

    def note(self, waited: float, received: int) -> None:
        """So many bytes came after so many seconds."""
        self._waited += waited
        self._received += received
