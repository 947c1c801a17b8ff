"""How people at a browser become known, wired."""

from dataclasses import dataclass

from handoff.access.limits import Buckets
from handoff.access.once import OnceOnly
from handoff.access.openid.code_flow import CodeFlow
from handoff.access.openid.openid import Openid
from handoff.access.pages_settings import PagesSettings
from handoff.access.sessions import Sessions
from handoff.access.tokens import Tokens
from handoff.database.engine import Database

_ATTEMPTS_PER_SECOND = 0.5
_ATTEMPTS_AT_ONCE = 30


@dataclass(frozen=True, slots=True)
class SignIn:
    """What pages need to know who somebody is.

    Attributes:
        attempts: Sign-ins of an address; each one may be written down, or ask the provider.
    """

    tokens: Tokens
    sessions: Sessions
    once: OnceOnly
    flow: CodeFlow | None
    attempts: Buckets

    @classmethod
    def of(cls, pages: PagesSettings, openid: Openid | None, database: Database, tokens: Tokens) -> "SignIn":
        """Put the parts together."""
        return cls(
            tokens=tokens,
            sessions=Sessions(database, tokens, pages.session_seconds),
            once=OnceOnly(database),
            flow=openid.code_flow if openid else None,
            attempts=Buckets(_ATTEMPTS_PER_SECOND, _ATTEMPTS_AT_ONCE),
        )
