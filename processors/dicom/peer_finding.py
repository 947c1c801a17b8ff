"""One thing that a check of a peer has looked at."""

from dataclasses import dataclass
from typing import Literal

Way = Literal["to", "from"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and what was found."""

    peer: str
    way: Way
    """`to`: we call it; `from`: it calls us."""
    step: str
    is_good: bool
    sentence: str
    remedy: str = ""


def age(seconds: float) -> str:
    """A length of time in words, from seconds."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(int(seconds), 0)} s"
