"""Whom a site asks about consent: the part `consent` of sluice.yaml."""

from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ConsentSettings(BaseModel):
    """Who knows about consent. Each source that is named is asked, and one denial denies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    list: Path | None = Field(None, description="CSV of patient_id, issuer, project, consent; read when it changes.")
    command: tuple[str, ...] | None = Field(
        None, min_length=1, description="A program of the hospital and its arguments; asked by JSON on standard input."
    )
    url: str | None = Field(None, description="An endpoint of the hospital; asked by POST of the same JSON.")
    ca_file: Path | None = Field(None, description="Who signed the endpoint's certificate (PEM); else the system's.")
    token_file: Path | None = Field(None, description="A bearer token for the endpoint (0600).")
    timeout_seconds: float = Field(5.0, gt=0, le=60, description="How long a hook may take; then it did not answer.")

    @field_validator("url")
    @classmethod
    def _keeps_patients_secret(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
            message = "it is no http(s) URL of a host, without user and fragment"
            raise ValueError(message)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            message = "it would tell who is a patient in clear: use https, or an address of this machine"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _asks_somebody(self) -> Self:
        if self.list is None and self.command is None and self.url is None:
            message = "it names neither a list nor a command nor a url"
            raise ValueError(message)
        return self

    def under(self, home: Path) -> Self:
        """The same with relative paths beginning at the trusted home."""
        paths = {name: home / path for name in ("list", "ca_file", "token_file") if (path := getattr(self, name))}
        return self.model_copy(update=paths)
