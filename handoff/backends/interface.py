"""What every engine can do. A reference is what the engine calls a run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from handoff.handoffs.order import RunOrder


class Answer(Enum):
    """What a failed call says of the thing that was asked for."""

    UNAVAILABLE = "unavailable"
    """Surely nothing was made: the engine was not reached, or lets nobody in. It is waited for without an end."""
    REFUSED = "refused"
    """Surely nothing was made: the engine will not have this run. Counted; after some attempts it is a dead letter."""
    AMBIGUOUS = "ambiguous"
    """It may have been made, or may still be: nothing is sent again before the engine's settle time has passed."""


class BackendError(Exception):
    """The engine did not take the run, or did not answer; `code` says what. Worth another attempt."""

    def __init__(self, code: str, answer: Answer = Answer.AMBIGUOUS) -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a probe found.

    Attributes:
        problem: Why nothing can run, as a code.
        remedy: What to do about it, in plain words.
        passing: Whether the problem may end by itself, so that a worker waits for it.
    """

    ok: bool
    versions: dict[str, str]
    problem: str | None = None
    remedy: str | None = None
    passing: bool = False


class RunPhase(Enum):
    """What the engine says of a run. `COMPLETED` is the engine's word only, never a success by itself."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A phase and, of an end or of something odd, the reason code."""

    phase: RunPhase
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that only has to be started.

    Attributes:
        digest: SHA-256 of the pipeline as the engine gets it, hex.
        place: What the engine calls the things that the run is made of.
    """

    order: RunOrder
    digest: str
    place: dict[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """An engine. Every call may be repeated.

    Attributes:
        settle_seconds: How long after an ambiguous answer nothing may be sent again; 0 where the engine itself starts
            a key only once.
        poll_seconds: Seconds between two looks at one run.
    """

    settle_seconds: float
    poll_seconds: float

    def probe(self) -> Capabilities:
        """Look whether runs can be made here."""

    def prepare(self, order: RunOrder) -> Prepared:
        """Lay out what the run needs; starts nothing."""

    def find(self, key: str, handoff: str) -> str | None:
        """The reference of the run of this key and handoff id, if the engine has one; of several the oldest."""

    def submit(self, prepared: Prepared) -> str:
        """Start the prepared run and return its reference."""

    def status(self, reference: str) -> RunStatus:
        """Look at a run."""

    def cancel(self, reference: str) -> None:
        """End a run and everything it started; one that ended stays as it is."""

    def logs(self, reference: str) -> Path | None:
        """The file that the run's output went to."""

    def artifacts(self, reference: str) -> Path | None:
        """The folder of what its steps wrote for each other."""


@dataclass(frozen=True, slots=True)
class EngineRun:
    """A run as the engine lists it, with the handoff that it says it belongs to."""

    reference: str
    handoff: str
    key: str
    created_at: float
    ended: bool


@runtime_checkable
class ListsRuns(Protocol):
    """An engine that may start one key twice, so that its runs are swept for duplicates.

    Attributes:
        sweep_seconds: Seconds between two sweeps.
    """

    sweep_seconds: float

    def runs(self, projects: Iterable[str], since: float) -> Iterable[EngineRun]:
        """This target's runs of these projects that were made since then, newest first; bounded."""

    def runs_of(self, key: str, handoff: str) -> list[EngineRun]:
        """Every run of this key and handoff id, oldest first."""
