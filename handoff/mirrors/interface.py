"""What telling another system needs: which events of the log it wants, how it is told, and what a failure means."""

from dataclasses import dataclass
from typing import Protocol

from handoff.database.engine import Database
from handoff.database.tables import LineageEvent

EVENT = "event"
"""The kind of a row that stands for one event of the log, rather than for a thing that changed."""


class MirrorAwayError(Exception):
    """The mirror does not answer, or lets nobody in; `code` says which. It is waited for without an end."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MirrorRefusedError(Exception):
    """The mirror will not have this; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Change:
    """A leased row."""

    id: int
    kind: str
    subject: str
    wanted: int


class Mirror(Protocol):
    """One system that is told; used by one thread."""

    @property
    def name(self) -> str:
        """What its rows are kept under; never another system's later."""

    @property
    def ordered(self) -> bool:
        """Whether rows are told one after another in the log's order, each once it is their turn."""

    @property
    def history(self) -> bool:
        """Whether it learns of what was before it was set up."""

    @property
    def keeps_days(self) -> int | None:
        """For how long it keeps what it was told, for certificates of withdrawals; None: until a person ends it."""

    @property
    def settle_seconds(self) -> float:
        """After a lost answer nothing is told again before this; 0 where telling twice is harmless."""

    def wants(self, event: LineageEvent) -> tuple[str, str] | None:
        """Kind and subject of the row that an event makes; None when the mirror is told nothing of it."""

    def tell(self, database: Database, change: Change) -> str:
        """Tell of a row, now; returns what the thing is called there.

        Raises:
            MirrorAwayError, MirrorRefusedError: it could not be told.
        """

    def close(self) -> None:
        """Let go of connections and files."""
