"""How a process reaches S3: by the variables that every S3 client knows. Runs get these, never a pipeline parameter."""

import configparser
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

ENVIRONMENT = (
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_CA_BUNDLE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
)
"""Every variable that `S3Access` reads; the last two are read by the client itself."""


class S3AccessError(Exception):
    """The settings or credentials of S3 cannot be read; the message never repeats one."""


class S3Access(BaseModel):
    """Where an S3 service is and who asks it. Without credentials the client looks for those of its machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = Field(None, description="https://host:port; None means AWS.")
    region: str = "us-east-1"
    path_style: bool = True
    ca_file: Path | None = Field(None, description="Certificates to trust besides those of the system, PEM.")
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """What the variables say.

        Raises:
            S3AccessError: the file of credentials cannot be read.
        """
        credentials: dict[str, str] = {}
        file = environment.get("AWS_SHARED_CREDENTIALS_FILE")
        if "AWS_ACCESS_KEY_ID" in environment:
            names = {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY"}
            names["session_token"] = "AWS_SESSION_TOKEN"  # noqa: S105 - the name of a variable
            credentials = {key: environment[name] for key, name in names.items() if environment.get(name)}
        elif file:
            credentials = _read_credentials(Path(file))
        ca_file = environment.get("AWS_CA_BUNDLE")
        return cls.model_validate(
            {
                "endpoint": environment.get("AWS_ENDPOINT_URL") or None,
                "region": environment.get("AWS_REGION") or "us-east-1",
                "path_style": environment.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "").lower() != "true",
                "ca_file": ca_file or None,
                **credentials,
            }
        )

    def credentials(self) -> dict[str, str]:
        """The credentials as variables; none where the machine lends its own."""
        found = {"AWS_ACCESS_KEY_ID": self.access_key_id} if self.access_key_id else {}
        secrets = {"AWS_SECRET_ACCESS_KEY": self.secret_access_key, "AWS_SESSION_TOKEN": self.session_token}
        return {**found, **{name: value.get_secret_value() for name, value in secrets.items() if value is not None}}

    def options(self) -> dict[str, Any]:
        """The arguments of `obstore.store.S3Store`, but for bucket and prefix."""
        plain = (self.endpoint or "").startswith("http://")
        client: dict[str, Any] = {"allow_http": plain, "connect_timeout": "5s", "timeout": "60s"}
        if self.ca_file is not None:
            try:
                client["root_certificate"] = self.ca_file.read_bytes()
            except OSError as error:
                raise S3AccessError("the file of certificates for S3 cannot be read") from error
        options: dict[str, Any] = {
            "region": self.region,
            "virtual_hosted_style_request": not self.path_style,
            "client_options": client,
            "retry_config": {
                "max_retries": 4,
                "retry_timeout": timedelta(seconds=30),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
        }
        if self.endpoint is not None:
            options["endpoint"] = self.endpoint
        if self.access_key_id is not None and self.secret_access_key is not None:
            options["access_key_id"] = self.access_key_id
            options["secret_access_key"] = self.secret_access_key.get_secret_value()
        if self.session_token is not None:
            options["session_token"] = self.session_token.get_secret_value()
        return options


def _read_credentials(file: Path) -> dict[str, str]:
    """The section `default` of a file as AWS' tools write it."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text("utf-8"))
        section = parser["default"]
        names = {"access_key_id", "secret_access_key", "session_token"}
        found = {name: section[f"aws_{name}"] for name in names if f"aws_{name}" in section}
    except (OSError, KeyError, UnicodeDecodeError, configparser.Error):
        # Not chained: the cause's text would repeat a line of the file.
        raise S3AccessError("the file of S3 credentials cannot be read, or has no section [default]") from None
    if not {"access_key_id", "secret_access_key"} <= found.keys():
        raise S3AccessError("the file of S3 credentials lacks a key")
    return found
