"""Whom a request is from, by the bearer token that it carries."""

from typing import Protocol

from handoff.access.principal import Principal
from handoff.errors import UnauthorizedError


class Bearers(Protocol):
    """One kind of bearer tokens."""

    def find(self, token: str) -> Principal | None:
        """Whom a token stands for; None when it is none of this kind.

        Raises:
            HandoffError: it is one, and is refused.
        """


class Authentication:
    """Asks each kind in turn.

    Args:
        kinds: those that know their own tokens come before one that refuses what it does not know.
    """

    def __init__(self, *kinds: Bearers) -> None:
        self._kinds = kinds

    def principal(self, authorization: str | None) -> Principal:
        """Whom the header Authorization names.

        Raises:
            UnauthorizedError: it names nobody.
            HandoffError: what one of the kinds says.
        """
        kind, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            raise UnauthorizedError
        for bearers in self._kinds:
            found = bearers.find(token)
            if found is not None:
                return found
        raise UnauthorizedError
