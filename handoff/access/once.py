"""What signs in once: a link from the machine itself, and the state of a sign-in at a provider.

A link is for whoever may read the research home, which holds the administrator's token anyway: it saves copying that
token into a browser. The first start prints one, as notebooks do; `sluice handoff link` prints another.
"""

import hashlib
import secrets
import time

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.exc import IntegrityError

from handoff.access.principal import Principal
from handoff.database.engine import Database
from handoff.database.tables import LoginSecret, LoginSession
from handoff.errors import SignInError

LINK_SECONDS = 3600.0
_STATE_SECONDS = 3600.0
"""Longer than the browser keeps a sign-in that it began."""
HOLDER = Principal("home", "admin")
"""Whom a link stands for: the holder of the home, as its own token does."""


def link_url(base: str, secret: str) -> str:
    """What is opened in a browser."""
    return f"{base.rstrip('/')}/login?link={secret}"


class OnceOnly:
    """Secrets that are spent by their first use, on whichever replica."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make_link(self) -> str:
        """A secret for one sign-in as the holder of the home, within the hour."""
        secret = secrets.token_urlsafe(32)
        now = time.time()
        unspent = LoginSecret.spent_at.is_(None)
        with self._database.write() as session:
            session.execute(delete(LoginSecret).where(LoginSecret.expires_at < now, unspent))
            session.add(LoginSecret(digest=_digest("link", secret), kind="link", expires_at=now + LINK_SECONDS))
        return secret

    def first_link(self) -> str | None:
        """A link while nobody has ever signed in; None afterwards."""
        with self._database.read() as session:
            used = exists().where(LoginSecret.spent_at.is_not(None))
            known = session.scalar(select(or_(used, exists().select_from(LoginSession))))
        return None if known else self.make_link()

    def redeem_link(self, secret: str) -> Principal:
        """Spend a link.

        Raises:
            SignInError: it is unknown, spent or too old.
        """
        now = time.time()
        unspent = (LoginSecret.spent_at.is_(None), LoginSecret.expires_at > now)
        found = (LoginSecret.digest == _digest("link", secret), LoginSecret.kind == "link", *unspent)
        with self._database.write() as session:
            spent = session.scalar(update(LoginSecret).where(*found).values(spent_at=now).returning(LoginSecret.digest))
        if spent is None:
            remedy = "Make a new one with `sluice handoff link` on the machine of the handoff."
            raise SignInError("This link was used already, or is too old.", code="link-spent", remedy=remedy)
        return HOLDER

    def spend_state(self, state: str) -> None:
        """Note that a sign-in at the provider succeeded, so that its answer cannot be used again.

        Raises:
            SignInError: it was.
        """
        now = time.time()
        old = (LoginSecret.kind == "state", LoginSecret.expires_at < now)
        row = LoginSecret(digest=_digest("state", state), kind="state", spent_at=now, expires_at=now + _STATE_SECONDS)
        try:
            with self._database.write() as session:
                session.execute(delete(LoginSecret).where(*old))
                session.add(row)
        except IntegrityError as error:
            raise SignInError(code="sign-in-replayed") from error


def _digest(kind: str, secret: str) -> str:
    return hashlib.sha256(f"sluice.{kind}/1\n{secret}".encode("utf-8", "surrogateescape")).hexdigest()
