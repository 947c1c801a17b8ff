"""Make, rotate and revoke tokens. Whoever is limited to projects sees and gives no more than it has."""

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.access.home_tokens import HOME_NAMES
from handoff.access.principal import Principal
from handoff.access.tokens import digest_of, new_token, projects_of
from handoff.database.dialect import hold_until_commit
from handoff.database.engine import Database
from handoff.database.tables import Token
from handoff.errors import ConflictError, NotFoundError, RefusedError
from handoff.schemas.tokens import RotateRequest, TokenRequest, TokenView

RUN_PREFIX = "run-"
"""How the names of runs' tokens begin."""
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Issued:
    """A row, and the token that nobody will see again."""

    row: Token
    token: str


def make_token(database: Database, who: Principal, request: TokenRequest) -> Issued:
    """Make a token.

    Raises:
        RefusedError: the name is one of the home's or of runs.
        ConflictError: the name stands for another token, or did.
        NotFoundError: a project is none of the asker's.
    """
    if request.name in HOME_NAMES.values() or request.name.startswith(RUN_PREFIX):
        raise RefusedError("This name is kept for the service itself.", code="token-name", remedy="Choose another.")
    projects = None if request.projects is None else frozenset(request.projects)
    if not _within(who, projects):
        raise NotFoundError("A project is none that you may give to others.", remedy="Name projects of your own.")
    token, now = new_token(), time.time()
    row = Token(
        digest=digest_of(token),
        id=secrets.token_hex(16),
        name=request.name,
        role=request.role,
        projects={} if projects is None else {"only": sorted(projects)},
        made_by=who.name,
        made_at=now,
        expires_at=now + request.days * _DAY,
    )
    with database.write() as session:
        hold_until_commit(session, "tokens")
        if session.scalar(select(Token.id).where(Token.name == request.name)) is not None:
            remedy = "Rotate that token, or choose another name; a name is never used again."
            raise ConflictError("This name stands for a token already.", code="token-name", remedy=remedy)
        session.add(row)
    return Issued(row, token)


def rotate_token(database: Database, who: Principal, token_id: str, request: RotateRequest) -> Issued:
    """Replace a token under its name; the one before holds for the overlap, and no longer than it would have.

    Raises:
        NotFoundError: there is none, or none for this asker.
        ConflictError: it was revoked, or goes with a file or a run.
    """
    token, now = new_token(), time.time()
    with database.write() as session:
        row = _get(session, who, token_id)
        if row.revoked_at is not None:
            raise ConflictError("This token was revoked.", code="token-revoked", remedy="Make one of another name.")
        row.previous_digest = row.digest
        row.previous_until = min(now + request.overlap_seconds, row.expires_at or now)
        row.digest, row.expires_at = digest_of(token), now + request.days * _DAY
    return Issued(row, token)


def revoke_token(database: Database, who: Principal, token_id: str) -> Token:
    """End a token now, on every replica, and the one before it too; safe to repeat.

    Raises:
        NotFoundError: there is none, or none for this asker.
        ConflictError: it goes with a file of the home.
    """
    with database.write() as session:
        row = _get(session, who, token_id, of_run=True)
        row.revoked_at = row.revoked_at or time.time()
    return row


def may_see(who: Principal, row: Token) -> bool:
    """Whether a token is within the projects of whoever asks."""
    return _within(who, projects_of(row))


def show(row: Token) -> TokenView:
    """A token as others may see it."""
    now = time.time()
    projects = projects_of(row)
    expired = row.expires_at is not None and row.expires_at <= now
    state = "revoked" if row.revoked_at is not None else "expired" if expired else "valid"
    overlap = row.previous_until if state == "valid" and (row.previous_until or 0.0) > now else None
    return TokenView.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "role": row.role,
            "projects": None if projects is None else tuple(sorted(projects)),
            "handoff": row.handoff_id,
            "state": state,
            "made_by": row.made_by,
            "made_at": row.made_at,
            "expires_at": row.expires_at,
            "revoked_at": row.revoked_at,
            "used_at": row.used_at,
            "overlap_until": overlap,
        }
    )


def _get(session: Session, who: Principal, token_id: str, *, of_run: bool = False) -> Token:
    row = session.scalar(select(Token).where(Token.id == token_id).with_for_update())
    if row is None or not may_see(who, row):
        raise NotFoundError
    if row.name in HOME_NAMES.values():
        remedy = "On the machine of the home: `sluice tokens rotate` with its name replaces file and token."
        raise ConflictError("This token goes with a file of the home.", code="token-of-home", remedy=remedy)
    if row.handoff_id is not None and not of_run:
        remedy = "It ends with its run; cancel the handoff, or revoke the token."
        raise ConflictError("This token goes with a run.", code="token-of-run", remedy=remedy)
    return row


def _within(who: Principal, projects: frozenset[str] | None) -> bool:
    return who.projects is None or (projects is not None and projects <= who.projects)
