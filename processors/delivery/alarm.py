"""Puts failures where an operator looks: the bulletins on NiFi's canvas. Codes only, never a message of an error."""

from typing import Final, Protocol

from processors.delivery.flowfile import Outcome

LOUD: Final = frozenset({"failure", "held", "rejected"})
"""Relationships that a person should hear of; the others are the ordinary way of things."""


class Board(Protocol):
    """The part of a processor's logger that is used here."""

    def error(self, message: str, /) -> object:
        """Make a bulletin, and a line in NiFi's log."""


def alarm(board: Board, outcome: Outcome) -> None:
    """Say a failure's code aloud; the cause itself stays in the trusted zone's log."""
    if outcome.relationship in LOUD:
        code = outcome.attributes.get("reason", "unknown")
        board.error(f"{outcome.relationship}: {code}. The cause is in the workers' log of the trusted home.")
