"""Bearer tokens. The database holds their SHA-256 only; a request's token is compared in constant time."""

import hashlib
import hmac
from typing import Literal

from sqlalchemy import delete, select

from handoff.database.engine import Database
from handoff.database.tables import Token
from handoff.errors import ForbiddenError, UnauthorizedError
from handoff.home import ResearchHome

Scope = Literal["intake", "api"]


class Tokens:
    """The digests of all tokens, and what each may do."""

    def __init__(self, database: Database) -> None:
        with database.read() as session:
            self._scopes: dict[str, Scope] = {row.digest: _scope(row.scope) for row in session.scalars(select(Token))}

    def require(self, authorization: str | None, *scopes: Scope) -> None:
        """Let a request pass.

        Raises:
            UnauthorizedError: no token, or none that is known.
            ForbiddenError: a known token of another scope.
        """
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise UnauthorizedError
        digest = hashlib.sha256(token.strip().encode()).hexdigest()
        found = [scope for known, scope in self._scopes.items() if hmac.compare_digest(known, digest)]
        if not found:
            raise UnauthorizedError
        if found[0] not in scopes:
            raise ForbiddenError


def record_tokens(database: Database, home: ResearchHome) -> None:
    """Make the tokens of the home's files the ones that are known; a file that was replaced rotates its token."""
    files: dict[Scope, str] = {
        "intake": home.intake_token.read_text("ascii").strip(),
        "api": home.api_token.read_text("ascii").strip(),
    }
    with database.write() as session:
        session.execute(delete(Token))
        for scope, token in files.items():
            session.add(Token(digest=hashlib.sha256(token.encode()).hexdigest(), scope=scope))


def _scope(name: str) -> Scope:
    return "intake" if name == "intake" else "api"
