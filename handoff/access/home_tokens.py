"""The two tokens of a home's files: a file that was replaced rotates its token at the next start."""

import os
import secrets
import time
from pathlib import Path
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from handoff.access.tokens import digest_of, new_token
from handoff.database.dialect import hold_until_commit
from handoff.database.engine import Database
from handoff.database.tables import Token
from handoff.errors import StartError
from handoff.home import ResearchHome
from handoff.store.durable import fsync_folder

FileRole = Literal["intake", "admin"]
HOME_NAMES: dict[FileRole, str] = {"intake": "intake", "admin": "home"}
"""The names that the home's tokens go by."""
_SHORTEST = 16


def record_tokens(database: Database, home: ResearchHome) -> None:
    """Make the tokens of the home's files the ones that are known.

    A row that knows its file's token already stays as it is, and with it the token before, while that still holds.

    Raises:
        StartError: a file holds no token that could protect anything, others may read it, or both hold the same.
    """
    files: dict[FileRole, str] = {"intake": _read(home.intake_token), "admin": _read(home.api_token)}
    if files["intake"] == files["admin"]:
        raise _unfit(home.api_token, "holds the intake token")
    digests = {role: digest_of(token) for role, token in files.items()}
    with database.write() as session:
        hold_until_commit(session, "tokens")  # replicas may start at one moment
        changed = [role for role, digest in digests.items() if not _knows(session, role, digest)]
        session.execute(delete(Token).where(Token.name.in_([HOME_NAMES[role] for role in changed])))
        session.add_all(_row(role, digests[role]) for role in changed)


def _knows(session: Session, role: FileRole, digest: str) -> bool:
    named = select(Token.id).where(Token.name == HOME_NAMES[role], Token.digest == digest)
    return session.scalar(named) is not None


def replace_token(database: Database, home: ResearchHome, role: FileRole, overlap_seconds: float) -> None:
    """Put a new token into its file, then into the database; the one before holds for the overlap.

    A crash between the two leaves the file ahead, which the next start of the service makes right.

    Raises:
        StartError: the file cannot be written, or no service ever started on this home.
    """
    file = home.intake_token if role == "intake" else home.api_token
    token = new_token()
    now = time.time()
    with database.write() as session:
        hold_until_commit(session, "tokens")
        row = session.scalar(select(Token).where(Token.name == HOME_NAMES[role]))
        if row is None:
            message = "The database does not know the tokens of this home."
            raise StartError(message, code="token", remedy="Start `sluice handoff serve` once.")
        _replace(file, token)
        row.previous_digest, row.previous_until = row.digest, now + overlap_seconds
        row.digest, row.made_at = digest_of(token), now


def _row(role: FileRole, digest: str) -> Token:
    return Token(
        digest=digest,
        id=digest[:32],
        name=HOME_NAMES[role],
        role=role,
        made_by="home",
        made_at=time.time(),
        projects={},
    )


def _replace(file: Path, token: str) -> None:
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(token + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
        fsync_folder(file.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unfit(file, "cannot be written") from error


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
