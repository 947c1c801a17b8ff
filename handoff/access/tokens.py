"""Bearer tokens. The database holds their SHA-256 only, and finds a request's token by it.

A token is 256 random bits, so a digest needs no salt, and looking it up by an index tells a guesser nothing.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Float, Select, String, and_, bindparam, or_, outerjoin, select, update
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
        with self._database.reader.connect() as connection:
            row = connection.execute(_FOUND, {"digest": digest, "now": now}).first()
        if row is None or (row.handoff_id is not None and (row.state is None or row.state in ENDED)):
            return None
        self._note_use(row.id, row.used_at, now)
        return Principal(row.name, cast("Role", row.role), _only(row.projects), row.handoff_id)

    def _note_use(self, token_id: str, used_at: float | None, now: float) -> None:
        """Write down that a token is in use, once an hour: not worth a request that fails for it."""
        if now - max(self._noted.get(token_id, 0.0), used_at or 0.0) < _USE_NOTED_SECONDS:
            return
        self._noted[token_id] = now
        try:
            with self._database.write() as session:
                session.execute(update(Token).where(Token.id == token_id).values(used_at=now))
        except SQLAlchemyError:
            self._noted.pop(token_id, None)


def projects_of(row: Token) -> frozenset[str] | None:
    """The only projects of a token; None for all of them."""
    return _only(row.projects)


def _only(projects: Mapping[str, Any]) -> frozenset[str] | None:
    only = projects.get("only")
    return None if only is None else frozenset(only)


def _found() -> Select[str, str, str, dict[str, Any], str | None, float | None, str | None]:
    """What is known of the token of `digest` if it holds at `now`, and the state of its run.

    Made once and read as a row, for each request asks it.
    """
    digest, now = bindparam("digest", type_=String()), bindparam("now", type_=Float())
    before = and_(Token.previous_digest == digest, Token.previous_until > now)
    alive = and_(Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > now))
    facts = Token.id, Token.name, Token.role, Token.projects, Token.handoff_id, Token.used_at, Handoff.state
    beside = outerjoin(Token, Handoff, Handoff.id == Token.handoff_id)
    return select(*facts).select_from(beside).where(or_(Token.digest == digest, before), alive)


_FOUND = _found()
