"""Where `sluice tokens` makes and ends tokens: in the database of a home on this machine, or at a service elsewhere."""

import getpass
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from handoff.access.audit import Act, note_act
from handoff.access.home_tokens import HOME_NAMES, replace_token
from handoff.access.issue import make_token, revoke_token, rotate_token, show
from handoff.access.principal import Principal
from handoff.client import HandoffClient
from handoff.database.engine import Database
from handoff.database.migrate import require_current
from handoff.database.open import open_database
from handoff.database.tables import Token
from handoff.errors import NotFoundError, StartError
from handoff.home import ResearchHome
from handoff.schemas.tokens import NewToken, RotateRequest, TokenRequest, TokenView
from handoff.settings import Settings


class TokenDesk(Protocol):
    """Makes, lists and ends tokens, by their names."""

    def make(self, request: TokenRequest) -> NewToken:
        """Make a token."""

    def tokens(self) -> Iterable[TokenView]:
        """Every token."""

    def rotate(self, name: str, request: RotateRequest) -> NewToken | None:
        """Replace a token; None when it went to its file in the home."""

    def revoke(self, name: str) -> TokenView:
        """End a token."""


class HomeDesk:
    """The database itself, whether or not a service runs on it; services look tokens up in it each time."""

    def __init__(self, database: Database, home: ResearchHome) -> None:
        self._database = database
        self._home = home
        self._who = Principal(f"home:{getpass.getuser()}"[:128], "admin")

    def make(self, request: TokenRequest) -> NewToken:
        """Make a token."""
        issued = make_token(self._database, self._who, request)
        self._note("make_a_token", issued.row.id)
        return NewToken.model_validate({**show(issued.row).plain(), "token": issued.token})

    def tokens(self) -> list[TokenView]:
        """Every token, by name."""
        with self._database.read() as session:
            return [show(row) for row in session.scalars(select(Token).order_by(Token.name))]

    def rotate(self, name: str, request: RotateRequest) -> NewToken | None:
        """Replace a token, or the file and the token of the home."""
        token_id = _id_of(self.tokens(), name)
        role = next((role for role, kept in HOME_NAMES.items() if kept == name), None)
        if role is not None:
            replace_token(self._database, self._home, role, request.overlap_seconds)
            self._note("rotate_a_token", token_id)
            return None
        issued = rotate_token(self._database, self._who, token_id, request)
        self._note("rotate_a_token", token_id)
        return NewToken.model_validate({**show(issued.row).plain(), "token": issued.token})

    def revoke(self, name: str) -> TokenView:
        """End a token."""
        row = revoke_token(self._database, self._who, _id_of(self.tokens(), name))
        self._note("revoke_a_token", row.id)
        return show(row)

    def _note(self, action: str, subject: str) -> None:
        with self._database.write() as session:
            note_act(session, Act(self._who, action, subject, 200))


class ServiceDesk:
    """A service that is asked over HTTP."""

    def __init__(self, client: HandoffClient) -> None:
        self._client = client

    def make(self, request: TokenRequest) -> NewToken:
        """Make a token."""
        return self._client.make_token(request)

    def tokens(self) -> Iterator[TokenView]:
        """Every token."""
        return self._client.tokens()

    def rotate(self, name: str, request: RotateRequest) -> NewToken:
        """Replace a token."""
        return self._client.rotate_token(_id_of(self.tokens(), name), request)

    def revoke(self, name: str) -> TokenView:
        """End a token."""
        return self._client.revoke_token(_id_of(self.tokens(), name))


@contextmanager
def home_desk(home: Path) -> Iterator[HomeDesk]:
    """The desk of a home.

    Raises:
        StartError: no service of this version ever started on it, or its database does not answer.
    """
    settings, research = Settings.load(home), ResearchHome.of(home)
    if settings.database_url is None and not research.database.exists():
        message = f"{research.root} is no home of a handoff."
        raise StartError(
            message, code="home", remedy="Give --home, or --url; a first `sluice handoff serve` makes one."
        )
    database = open_database(settings, research)
    try:
        require_current(database)
        yield HomeDesk(database, research)
    finally:
        database.close()


def _id_of(tokens: Iterable[TokenView], name: str) -> str:
    found = next((token.id for token in tokens if token.name == name), None)
    if found is None:
        message = f"No token has the name {name}."
        raise NotFoundError(message, remedy="`sluice tokens list` shows them.")
    return found
