"""Which provider is believed, and which of its claims give which role."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, StringConstraints, model_validator

from handoff.contract.identifiers import ProjectName

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # fmt: skip
"""Signatures by a private key alone: a provider's public key must never be able to sign."""
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
GrantedRole = Literal["intake", "operator", "ml-engineer", "auditor", "admin"]
Claim = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]{1,128}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]


def is_loopback(host: str | None) -> bool:
    """Whether a name or address stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_private_way(url: str) -> bool:
    """Whether nobody on the way reads or changes what goes to a URL: TLS, or this machine itself."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    )


def _issuer(url: str) -> str:
    parts = urlsplit(url)
    if not is_private_way(url) or parts.query or parts.fragment or parts.username is not None:
        message = "an issuer is an https URL without query, fragment or user (http on loopback alone)"
        raise ValueError(message)
    return url


class RoleRule(BaseModel):
    """A claim of the provider that gives a role."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    claim: Claim = Field(description="The claim's name; dots lead into objects: `realm_access.roles`.")
    value: Claim = Field(description="What it must be, or hold where it is a list.")
    role: GrantedRole = Field(description="What a person or program may do then.")
    projects: tuple[ProjectName, ...] | None = Field(None, description="The only projects it sees; None means all.")


class OpenidSettings(BaseModel):
    """A provider of OpenID Connect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(description="The provider, exactly as its tokens say.")
    audience: Word = Field(description="What a token of the API must be for.")
    client_id: Word | None = Field(None, description="This service at the provider; None: nobody signs in by pages.")
    client_secret_file: Path | None = Field(None, description="File of the client's secret; None for a public client.")
    scopes: tuple[Word, ...] = Field(("openid", "profile"), description="What is asked for when a person signs in.")
    roles: tuple[RoleRule, ...] = Field(
        min_length=1, description="The first rule that fits gives the role; later ones of that role add projects."
    )
    name_claim: Claim = Field("sub", description="The claim that names people in records; it must be unique for ever.")
    algorithms: tuple[Algorithm, ...] = Field(ALGORITHMS, min_length=1, description="Signatures that are believed.")
    leeway_seconds: float = Field(30, ge=0, le=300, description="How far apart the clocks may be.")
    longest_token_seconds: PositiveFloat = Field(
        86_400, description="Longest life of a token that is taken, as nobody can revoke it."
    )
    ca_file: Path | None = Field(None, description="The authority that signed the provider's certificate.")
    http_timeout_seconds: PositiveFloat = Field(5, le=20, description="Seconds for one call to the provider.")

    @model_validator(mode="after")
    def _asks_for_openid(self) -> Self:
        if "openid" not in self.scopes:
            message = "scopes must hold openid"
            raise ValueError(message)
        return self
