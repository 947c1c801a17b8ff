"""Who may do what, and who did."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from handoff.database.tables.table import BigId, Table


class Token(Table):
    """The SHA-256 of a token and what it may do; the token itself is never stored here.

    `projects` is `{"only": [...]}` or empty for all of them. The tokens of the home's files have the names `intake` and
    `home`, and go with their files. After a rotation the digest before holds until `previous_until`.
    """

    __tablename__ = "tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    projects: Mapped[dict[str, Any]] = mapped_column(default=dict)
    handoff_id: Mapped[str | None] = mapped_column(String(32), index=True)
    made_by: Mapped[str] = mapped_column(String(128))
    made_at: Mapped[float]
    expires_at: Mapped[float | None]
    revoked_at: Mapped[float | None]
    previous_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    previous_until: Mapped[float | None]
    used_at: Mapped[float | None]


class LoginSession(Table):
    """The SHA-256 of a browser session's secret, and whom it stands for.

    `token_digest` is of the token that a person signed in with; the session ends with it.
    """

    __tablename__ = "login_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    principal: Mapped[str] = mapped_column(String(128), index=True)
    role: Mapped[str] = mapped_column(String(16))
    projects: Mapped[dict[str, Any]]
    csrf: Mapped[str] = mapped_column(String(64))
    token_digest: Mapped[str | None] = mapped_column(String(64), index=True)
    expires_at: Mapped[float] = mapped_column(index=True)


class LoginSecret(Table):
    """The SHA-256 of something that signs in once: a link (`link`), or the state of a sign-in elsewhere (`state`)."""

    __tablename__ = "login_secrets"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    spent_at: Mapped[float | None]
    expires_at: Mapped[float] = mapped_column(index=True)


class AuditRecord(Table):
    """A change that somebody asked for, and what came of it; only ever appended."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    principal: Mapped[str] = mapped_column(String(128), index=True)
    role: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(160), index=True)
    status: Mapped[int]
    code: Mapped[str | None] = mapped_column(String(64))
