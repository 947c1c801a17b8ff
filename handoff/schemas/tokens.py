"""Tokens as they are asked for and shown. The token itself is shown once, to whoever made it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from handoff.access.permissions import Role
from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName, RandomId

TokenName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"),
    Field(description="What records of changes call whoever holds it; never used again for another token."),
]
GrantedRole = Literal["intake", "operator", "ml-engineer", "auditor", "admin", "engine"]
"""Every role but that of runs, whose tokens are made with the run."""
LONGEST_DAYS = 366
LONGEST_OVERLAP_SECONDS = 7 * 86_400
Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS, description="Days until it expires.")]


class TokenRequest(Document):
    """A token to be made."""

    name: TokenName
    role: GrantedRole
    projects: tuple[ProjectName, ...] | None = Field(
        None, min_length=1, max_length=100, description="The only projects it may touch; null for all."
    )
    days: Days = 90


class RotateRequest(Document):
    """How a token is replaced."""

    overlap_seconds: int = Field(
        0, ge=0, le=LONGEST_OVERLAP_SECONDS, description="Seconds in which the token before holds too."
    )
    days: Days = 90


class TokenView(Document):
    """A token, without the token."""

    id: RandomId
    name: str
    role: Role
    projects: tuple[ProjectName, ...] | None
    handoff: RandomId | None
    state: Literal["valid", "expired", "revoked"]
    made_by: str
    made_at: float = Field(description="UTC, seconds since 1970, as every time here.")
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None = Field(description="When it was used last, to the hour.")
    overlap_until: float | None = Field(description="Until when the token before holds too.")


class NewToken(TokenView):
    """A token that was made just now, and the only sight of it."""

    token: str


class WhoView(Document):
    """Whom the service takes the asker for."""

    name: str
    role: Role
    projects: tuple[ProjectName, ...] | None
    handoff: RandomId | None
    permissions: tuple[str, ...]
