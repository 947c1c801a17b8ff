"""The token of a run: bound to one handoff, over when that ends, and for one handoff always the same.

It is derived from a key of the home, so that a run that is made ready again, after a crash, gets the token that the
attempt before may be using already.
"""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

from sqlalchemy import delete, select

from handoff.access.issue import RUN_PREFIX
from handoff.access.principal import Principal
from handoff.access.tokens import PREFIX, digest_of
from handoff.database.engine import Database
from handoff.database.tables import Handoff, Token
from handoff.errors import NotFoundError, StartError
from handoff.handoffs.states import AT_ENGINE, ENDED
from handoff.home import ResearchHome, write_secret

ENGINE_SECONDS = 3600.0
"""How long a token holds that a step in a cluster asked for; it asks again."""
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Given:
    """A handoff and the token of its run."""

    handoff_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RunTokens:
    """Makes the tokens of runs.

    Attributes:
        seconds: How long one holds, from when it was given last; its run's end comes first.
    """

    database: Database
    key: bytes = field(repr=False)
    seconds: float

    @classmethod
    def of_home(cls, database: Database, home: ResearchHome, seconds: float) -> "RunTokens":
        """With the key of a home, which is made if there is none.

        Raises:
            StartError: the key cannot be read or made, or is none.
        """
        file = home.receipt_key.with_name("run-tokens.key")
        try:
            if not file.exists():
                write_secret(file, secrets.token_bytes(_KEY_BYTES))
            key = file.read_bytes()
        except OSError as error:
            message = f"{file} cannot be used ({error.strerror})."
            raise StartError(message, code="run-tokens-key", remedy="Mend its rights, or remove it.") from error
        if len(key) != _KEY_BYTES:
            message = f"{file} does not hold {_KEY_BYTES} bytes."
            raise StartError(message, code="run-tokens-key", remedy="Remove it; a new one is made.")
        return cls(database, key, seconds)

    def give(self, handoff_id: str) -> str:
        """The token of a handoff's run, known to every replica from now on; its time begins anew.

        Of a handoff that ended meanwhile it holds no more, and no row is made that nobody would remove.
        """
        token = self._token(handoff_id)
        digest, now = digest_of(token), time.time()
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id, with_for_update=True)
            if handoff.state in ENDED:
                return token
            row = session.scalar(select(Token).where(Token.name == f"{RUN_PREFIX}{handoff_id}"))
            if row is None:
                row = Token(id=secrets.token_hex(16), name=f"{RUN_PREFIX}{handoff_id}", role="run", digest=digest)
                row.projects, row.handoff_id, row.made_by = {"only": [handoff.project]}, handoff_id, "worker"
                session.add(row)
            elif row.digest != digest:  # made by a worker of another home, whose attempt may still run
                row.previous_digest, row.previous_until, row.digest = row.digest, row.expires_at, digest
            row.made_at, row.expires_at = now, now + self.seconds
        return token

    def of_engine(self, who: Principal, run: str) -> Given:
        """The token of the run that an engine knows by this name, for its steps.

        Raises:
            NotFoundError: no run of the asker's target is at work under that name, or not yet.
        """
        with self.database.read() as session:
            known = select(Handoff).where(
                Handoff.reference == run, Handoff.target == who.name, who.within(Handoff.project)
            )
            handoff = session.scalar(known.where(Handoff.state.in_([state.value for state in AT_ENGINE])))
        if handoff is None:
            message = "No run of this target is at work under that name."
            raise NotFoundError(message, code="run-unknown", remedy="Ask again while the handoff may hear of it.")
        return Given(handoff.id, self.give(handoff.id))

    def _token(self, handoff_id: str) -> str:
        code = hmac.digest(self.key, f"sluice.run-token/1\n{handoff_id}".encode(), hashlib.sha256)
        return PREFIX + "run_" + base64.urlsafe_b64encode(code).decode().rstrip("=")


def forget_token(database: Database, handoff_id: str) -> None:
    """Remove the token of a run that ended; it holds no more since then."""
    with database.read() as session:
        if session.scalar(select(Token.id).where(Token.handoff_id == handoff_id)) is None:
            return
    with database.write() as session:
        handoff = session.get_one(Handoff, handoff_id, with_for_update=True)
        if handoff.state in ENDED:  # and nobody has sent it again meanwhile
            session.execute(delete(Token).where(Token.handoff_id == handoff_id))
