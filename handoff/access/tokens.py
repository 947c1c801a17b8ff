"""Bearer tokens. The database holds their SHA-256 only, and finds a request's token by it.

A token is 256 random bits, so a digest needs no salt, and looking it up by an index tells a guesser nothing.
"""

import hashlib
import secrets
import time
from typing import cast

from sqlalchemy import Float, Select, String, and_, bindparam, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from handoff.access.permissions import Role
from handoff.access.principal import Principal
from handoff.database.engine import Database
from handoff.database.tables import Handoff, Token
from handoff.handoffs.states import ENDED

PREFIX = "sluice_"
"""What finds a token that was pasted where it should not be."""
_USE_NOTED_SECONDS = 3600.0


def new_token() -> str:
    """A token that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Tokens:
    """Looks each token up anew, so that a revocation holds at once, whichever replica it was asked of."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, float] = {}

    def find(self, token: str) -> Principal | None:
        """Whom a token stands for; None when it is unknown, expired, revoked, or of a run that ended."""
        return self.of_digest(digest_of(token))

    def of_digest(self, digest: str) -> Principal | None:
        """The same, for a token of which only the digest is known."""
        now = time.time()
        with self._database.read() as session:
            row = session.scalar(_FOUND, {"digest": digest, "now": now})
            if row is not None and row.handoff_id is not None:
                handoff = session.get(Handoff, row.handoff_id)
                if handoff is None or handoff.state in ENDED:
                    return None
        if row is None:
            return None
        self._note_use(row, now)
        return principal_of(row)

    def _note_use(self, row: Token, now: float) -> None:
        """Write down that a token is in use, once an hour: not worth a request that fails for it."""
        if now - max(self._noted.get(row.id, 0.0), row.used_at or 0.0) < _USE_NOTED_SECONDS:
            return
        self._noted[row.id] = now
        try:
            with self._database.write() as session:
                session.execute(update(Token).where(Token.id == row.id).values(used_at=now))
        except SQLAlchemyError:
            self._noted.pop(row.id, None)


def principal_of(row: Token) -> Principal:
    """Whom a row stands for."""
    return Principal(row.name, cast("Role", row.role), projects_of(row), row.handoff_id)


def projects_of(row: Token) -> frozenset[str] | None:
    """The only projects of a token; None for all of them."""
    only = row.projects.get("only")
    return None if only is None else frozenset(only)


def _found() -> Select[Token]:
    """The row whose token is the one of `digest`, and holds at `now`. Made once, for each request asks it."""
    digest, now = bindparam("digest", type_=String()), bindparam("now", type_=Float())
    before = and_(Token.previous_digest == digest, Token.previous_until > now)
    alive = and_(Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > now))
    return select(Token).where(or_(Token.digest == digest, before), alive)


_FOUND = _found()
