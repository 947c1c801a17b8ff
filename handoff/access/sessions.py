"""Sessions of browsers. The cookie's secret is stored as its SHA-256 only, and is made anew at each sign-in."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import cast

from sqlalchemy import delete

from handoff.access.permissions import Role
from handoff.access.principal import Principal
from handoff.access.tokens import Tokens, digest_of
from handoff.database.engine import Database
from handoff.database.tables import LoginSession


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Somebody at a browser.

    Attributes:
        csrf: What every form of this session must bring back; no other page can know it.
    """

    who: Principal
    csrf: str
    expires_at: float


class Sessions:
    """Opens, finds and ends sessions; any replica knows each of them.

    Args:
        seconds: the longest life of a session, however much it is used.
    """

    def __init__(self, database: Database, tokens: Tokens, seconds: float) -> None:
        self._database = database
        self._tokens = tokens
        self._seconds = seconds

    def open(self, who: Principal, *, token: str | None = None) -> str:
        """Sign somebody in.

        Args:
            who: whom the browser stands for from now on.
            token: the token that it was done with; the session ends when the token does.

        Returns:
            The secret for the cookie; it is kept nowhere here.
        """
        secret = secrets.token_urlsafe(32)
        now = time.time()
        row = LoginSession(
            digest=_digest(secret),
            principal=who.name,
            role=who.role,
            projects={} if who.projects is None else {"only": sorted(who.projects)},
            csrf=secrets.token_urlsafe(32),
            token_digest=None if token is None else digest_of(token),
            expires_at=now + self._seconds,
        )
        with self._database.write() as session:
            session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
            session.add(row)
        return secret

    def find(self, secret: str | None) -> BrowserSession | None:
        """Whose a cookie is; None when nobody's, or no longer."""
        if not secret:
            return None
        with self._database.read() as session:
            row = session.get(LoginSession, _digest(secret))
        if row is None or row.expires_at <= time.time():
            return None
        only = row.projects.get("only")
        who = Principal(row.principal, cast("Role", row.role), None if only is None else frozenset(only))
        if row.token_digest is not None:
            held = self._tokens.of_digest(row.token_digest)
            if held is None:
                return None
            who = held
        return BrowserSession(who, row.csrf, row.expires_at)

    def end(self, secret: str | None) -> None:
        """Sign a browser out; nothing happens where it was not signed in."""
        if secret:
            with self._database.write() as session:
                session.execute(delete(LoginSession).where(LoginSession.digest == _digest(secret)))

    def end_all(self, name: str) -> int:
        """Sign a principal out everywhere; how many sessions ended."""
        with self._database.write() as session:
            ended = session.execute(delete(LoginSession).where(LoginSession.principal == name))
        return cast("int", ended.rowcount)  # type: ignore[attr-defined]


def _digest(secret: str) -> str:
    return hashlib.sha256(b"sluice.session/1\n" + secret.encode("utf-8", "surrogateescape")).hexdigest()
