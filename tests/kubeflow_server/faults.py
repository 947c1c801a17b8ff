"""What goes wrong, by seed: the n-th request of an operation always meets the same fault."""

import random
import threading
from collections import Counter
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal


@dataclass(frozen=True)
class Faults:
    """Shares are between 0 and 1; times are seconds, uniformly between the two."""

    refuse: float = 0.0
    """Answered with 503, or the connection is reset, before anything is done."""
    refuse_by: Literal["503", "reset", "both"] = "both"
    lose: float = 0.0
    """Everything is done, then the connection is closed without an answer."""
    fail: float = 0.0
    """Everything is done, then the answer is 500."""
    late: float = 0.0
    """CreateRun: the row is inserted only after a while, or when told to land; until then the run is not seen."""
    late_seconds: tuple[float, float] = (1.0, 2.0)
    late_answer: Literal["lost", "waits"] = "lost"
    """Meanwhile the connection is closed, or the client waits for its answer."""
    orphan: float = 0.0
    """CreateRun: the row is never inserted; the answer is 500 and the workflow stays."""
    latency_seconds: tuple[float, float] = (0.0, 0.0)
    slow_list_seconds: float = 0.0
    only: tuple[str, ...] = ()
    """The operations that meet faults; none named means all but healthz."""
    most: int = 0
    """Requests that meet faults since they were last changed; 0 is no limit."""
    seed: int = 1

    def changed(self, changes: dict[str, Any]) -> "Faults":
        """These with others in their place.

        Raises:
            ValueError: there is no such fault.
        """
        unknown = set(changes) - {known.name for known in fields(self)}
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        return replace(self, **{name: tuple(v) if isinstance(v, list) else v for name, v in changes.items()})


@dataclass(frozen=True)
class Fate:
    """What one request meets."""

    refused: Literal["503", "reset"] | None = None
    lost: bool = False
    failed: bool = False
    late_seconds: float | None = None
    late_answer: str = "lost"
    orphaned: bool = False
    latency_seconds: float = 0.0

    def named(self) -> dict[str, Any]:
        """What is not as usual, for the journal."""
        return {name: value for name, value in asdict(self).items() if value != _USUAL[name]}


_USUAL = asdict(Fate())


@dataclass
class Fates:
    """Gives each request its fate."""

    faults: Faults
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _of: Faults | None = None
    _met: int = 0

    def next(self, operation: str) -> Fate:
        """The fate of the next request of an operation."""
        faults = self.faults
        with self._lock:
            number = self._counts[operation]
            self._counts[operation] += 1
        slow = faults.slow_list_seconds if operation.startswith("List") else 0.0
        if operation == "Healthz" or (faults.only and operation not in faults.only):
            return Fate(latency_seconds=slow)
        with self._lock:
            self._met = 1 if faults is not self._of else self._met + 1
            self._of = faults
            if faults.most and self._met > faults.most:
                return Fate(latency_seconds=slow)
        # Every draw is made, whatever the others say: one share more leaves the other fates as they were.
        draw = random.Random(f"{faults.seed}/{operation}/{number}")
        refused, by, lost, failed, late, orphaned = (draw.random() for _ in range(6))
        latency = draw.uniform(*faults.latency_seconds)
        delay = draw.uniform(*faults.late_seconds)
        how: Literal["503", "reset"] = "503" if faults.refuse_by == "503" else "reset"
        if faults.refuse_by == "both":
            how = "503" if by < 0.5 else "reset"
        creates = operation == "CreateRun"
        return Fate(
            refused=how if refused < faults.refuse else None,
            lost=lost < faults.lose,
            failed=failed < faults.fail,
            late_seconds=delay if creates and late < faults.late else None,
            late_answer=faults.late_answer,
            orphaned=creates and orphaned < faults.orphan,
            latency_seconds=latency + slow,
        )
