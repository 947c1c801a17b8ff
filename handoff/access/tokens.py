"""Bearer tokens. The database holds their SHA-256 only; a request's token is compared in constant time."""

import hashlib
import hmac
import time
from pathlib import Path
from typing import Literal

from sqlalchemy import delete, select

from handoff.database.dialect import hold_until_commit
from handoff.database.engine import Database
from handoff.database.tables import Token
from handoff.errors import ForbiddenError, StartError, UnauthorizedError
from handoff.home import ResearchHome

Scope = Literal["intake", "api"]
_SHORTEST = 16


class Tokens:
    """The digests of all tokens, and what each may do."""

    def __init__(self, database: Database) -> None:
        with database.read() as session:
            self._scopes: dict[str, Scope] = {row.digest: _scope(row.role) for row in session.scalars(select(Token))}

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
    """Make the tokens of the home's files the ones that are known; a file that was replaced rotates its token.

    Raises:
        StartError: a file holds no token that could protect anything, others may read it, or both hold the same.
    """
    files: dict[Scope, str] = {"intake": _read(home.intake_token), "api": _read(home.api_token)}
    if files["intake"] == files["api"]:
        raise _unfit(home.api_token, "holds the intake token")
    with database.write() as session:
        hold_until_commit(session, "tokens")  # replicas may start at one moment
        session.execute(delete(Token))
        for scope, token in files.items():
            session.add(_token(scope, token))


def _token(scope: Scope, token: str) -> Token:
    digest = hashlib.sha256(token.encode()).hexdigest()
    name = "intake" if scope == "intake" else "home"
    return Token(digest=digest, id=digest[:32], name=name, role=scope, made_by="home", made_at=time.time())


def _read(file: Path) -> str:
    try:
        if file.stat().st_mode & 0o077:
            raise _unfit(file, "may be read by others")
        token = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unfit(file, "cannot be read") from error
    if len(token) < _SHORTEST:
        raise _unfit(file, f"holds no token of at least {_SHORTEST} letters")
    return token


def _unfit(file: Path, why: str) -> StartError:
    message = f"{file} {why}."
    return StartError(message, code="token", remedy="Remove it for a new token, or set its mode to 0600.")


def _scope(name: str) -> Scope:
    return "intake" if name == "intake" else "api"
