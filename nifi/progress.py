"""How long work tells what it does, without knowing who listens."""

from typing import Protocol


class Report(Protocol):
    """Called with what is being done and how far it is; `total` 0 means that nobody knows."""

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        """Take note; it must return at once."""


def silent(what: str, done: int = 0, total: int = 0) -> None:
    """Listen to nothing."""
