"""Bearer tokens. The database holds their SHA-256 only, and finds a request's token by it."""

import hashlib
import math
import time
from pathlib import Path
from typing import Literal, cast

from sqlalchemy import delete

from handoff.access.permissions import Role
from handoff.access.principal import Principal
from handoff.database.dialect import hold_until_commit
from handoff.database.engine import Database
from handoff.database.tables import Token
from handoff.errors import StartError
from handoff.home import ResearchHome

FileRole = Literal["intake", "admin"]
_SHORTEST = 16
_NAMES: dict[FileRole, str] = {"intake": "intake", "admin": "home"}


class Tokens:
    """Looks each token up anew, so that a revocation holds at once, whichever replica it was asked of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, token: str) -> Principal | None:
        """Whom a token stands for; None when it is unknown, expired or revoked."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        with self._database.read() as session:
            row = session.get(Token, digest)
        if row is None or row.revoked_at is not None or (row.expires_at or math.inf) <= time.time():
            return None
        only = row.projects.get("only")
        return Principal(row.name, cast("Role", row.role), None if only is None else frozenset(only), row.handoff_id)


def record_tokens(database: Database, home: ResearchHome) -> None:
    """Make the tokens of the home's files the ones that are known; a file that was replaced rotates its token.

    Raises:
        StartError: a file holds no token that could protect anything, others may read it, or both hold the same.
    """
    files: dict[FileRole, str] = {"intake": _read(home.intake_token), "admin": _read(home.api_token)}
    if files["intake"] == files["admin"]:
        raise _unfit(home.api_token, "holds the intake token")
    with database.write() as session:
        hold_until_commit(session, "tokens")  # replicas may start at one moment
        session.execute(delete(Token).where(Token.name.in_(_NAMES.values())))
        for role, token in files.items():
            session.add(_token(role, token))


def _token(role: FileRole, token: str) -> Token:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return Token(digest=digest, id=digest[:32], name=_NAMES[role], role=role, made_by="home", made_at=time.time())


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
