"""What every engine can do. A reference is what the engine calls a run."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from handoff.handoffs.order import RunOrder


class BackendError(Exception):
    """The engine did not take the run, or did not answer; `code` says what. Worth another attempt."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a probe found."""

    ok: bool
    versions: dict[str, str]
    problem: str | None = None


class RunPhase(Enum):
    """What the engine says of a run. `COMPLETED` is the engine's word only, never a success by itself."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A phase and, of an end, the reason code."""

    phase: RunPhase
    reason: str | None = None


class Backend(Protocol):
    """An engine. Every call may be repeated; `submit` of a key that runs, ran or is starting starts nothing."""

    def probe(self) -> Capabilities:
        """Look whether runs can be made here."""

    def prepare(self, order: RunOrder) -> None:
        """Lay out what the run needs; starts nothing."""

    def find(self, key: str) -> str | None:
        """The reference of the run of this key, if the engine has one."""

    def submit(self, key: str) -> str:
        """Start the prepared run and return its reference."""

    def status(self, reference: str) -> RunStatus:
        """Look at a run."""

    def cancel(self, reference: str) -> None:
        """End a run and everything it started."""

    def logs(self, reference: str) -> Path | None:
        """The file that the run's output went to."""

    def artifacts(self, reference: str) -> Path | None:
        """The folder of what its steps wrote for each other."""
