"""Whom a command asks, and with which token: options that each of these commands has."""

import functools
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from handoff.client import HandoffClient
from handoff.home import ResearchHome

DEFAULT_URL = "http://127.0.0.1:8080"


class NoTokenError(Exception):
    """There is no token to ask the handoff with."""

    remedy = "Give the home of the service by --home, or a token by --token-file or SLUICE_HANDOFF_TOKEN."
    exit_code = 2


class TlsError(Exception):
    """The certificates of --ca-file, --certificate or --key cannot be used."""

    remedy = "Each is a PEM file; --certificate and --key go together."
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Asking:
    """How a command reaches the handoff, and how it says what it learned."""

    home: Path
    url: str | None
    token: str | None
    token_file: Path | None
    ca_file: Path | None
    certificate: Path | None
    key: Path | None
    as_json: bool

    def client(self) -> HandoffClient:
        """A client for this command.

        Raises:
            NoTokenError: no token was given, and the home has none.
            TlsError: a certificate cannot be used.
        """
        return HandoffClient(self._where(), self._secret(), tls=self._tls())

    def _where(self) -> str:
        noted = ResearchHome.of(self.home).url
        if self.url is None and noted.exists():
            return noted.read_text("ascii").strip()
        return self.url or DEFAULT_URL

    def _secret(self) -> str:
        if self.token:
            if not self.token.isascii():
                message = "SLUICE_HANDOFF_TOKEN holds what is in no token."
                raise NoTokenError(message)
            return self.token.strip()
        file = self.token_file or ResearchHome.of(self.home).api_token
        try:
            return file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"{file} holds no token that can be read."
            raise NoTokenError(message) from error

    def _tls(self) -> ssl.SSLContext | None:
        if self.ca_file is None and self.certificate is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            raise TlsError(TlsError.__doc__) from error
        return context


_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON, with every field and whole ids."),
    click.option("--url", envvar="SLUICE_HANDOFF_URL", help="Of the handoff; default: where the home's listened last."),
    click.option("--token-file", type=_FILE, envvar="SLUICE_HANDOFF_TOKEN_FILE", help="Default: the home's api-token."),
    click.option("--token", envvar="SLUICE_HANDOFF_TOKEN", hidden=True),
    click.option("--ca-file", type=_FILE, envvar="SLUICE_HANDOFF_CA", help="Who signed the handoff's certificate."),
    click.option("--certificate", type=_FILE, envvar="SLUICE_HANDOFF_CERTIFICATE", hidden=True),
    click.option("--key", type=_FILE, envvar="SLUICE_HANDOFF_KEY", hidden=True),
    click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="SLUICE_HOME",
        default=Path(".sluice"),
        show_default=True,
        help="Where the handoff lives, if it is on this machine.",
    ),
)
_NAMES = frozenset(Asking.__dataclass_fields__)


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, and itself one argument `asking` in their place.

    What nobody could ask for is a usage error: the handoff is not even asked.
    """

    @functools.wraps(command)
    def run(**given: Any) -> None:
        mine = {name: given.pop(name) for name in _NAMES}
        try:
            command(asking=Asking(**mine), **given)
        except ValidationError as error:
            raise click.UsageError(_unfit(error)) from error

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def _unfit(error: ValidationError) -> str:
    """Which parts of a request cannot be, and why; of each part the first that is wrong with it."""
    wrong: dict[str, str] = {}
    for one in error.errors(include_input=False, include_url=False):
        wrong.setdefault(str(one["loc"][0]) if one["loc"] else "request", one["msg"])
    return "This cannot be used: " + "; ".join(f"{part}: {why}" for part, why in wrong.items()) + "."
