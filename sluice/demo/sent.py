"""What a sender's own log says became of each file: the witness that the demo's counts start from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["acknowledged", "refused", "unanswered", "unsent"]
"""`unanswered`: asked, but the association broke before a status came. `unsent`: the sender could not read it."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who calls whom, and where."""

    host: str
    port: int
    calling_ae: str
    called_ae: str


@dataclass(frozen=True, slots=True)
class SentFile:
    """One file and its fate by the sender's log; `reason` is a code, empty for what was acknowledged."""

    file: Path
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """All that one push did.

    Attributes:
        sender: the program that sent.
        retries: how often files were sent again because their answer never came.
    """

    sender: str
    files: tuple[SentFile, ...]
    associations: int
    retries: int

    def count(self, outcome: Outcome) -> int:
        """How many files ended so."""
        return sum(sent.outcome == outcome for sent in self.files)

    @property
    def sent(self) -> int:
        """Files that the sender put to the receiver, whatever the answer."""
        return len(self.files) - self.count("unsent")

    def reasons(self) -> Counter[tuple[Outcome, str]]:
        """How many files ended in each outcome with each reason, apart from the acknowledged."""
        return Counter((sent.outcome, sent.reason) for sent in self.files if sent.outcome != "acknowledged")


def together(pushes: Iterable[Push]) -> Push:
    """Several pushes as one."""
    pushes = tuple(pushes)
    files = tuple(sent for push in pushes for sent in push.files)
    names = " and ".join(sorted({push.sender for push in pushes}))
    return Push(names, files, sum(p.associations for p in pushes), sum(p.retries for p in pushes))
