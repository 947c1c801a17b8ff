"""Whom commands of the trusted side take for the handoff, and what they show it: files that the environment names.

| option | variable | names |
|---|---|---|
| --handoff-ca | SLUICE_HANDOFF_CA | the authorities that the handoff is trusted by, and no other; PEM |
| | SLUICE_HANDOFF_CERTIFICATE | our client certificate, PEM |
| | SLUICE_HANDOFF_KEY | its key, PEM |
"""

import functools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from processors.ledger.errors import HandoffCertificateError

_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    click.option("--handoff-ca", type=_FILE, envvar="SLUICE_HANDOFF_CA", help="Who signed the handoff's certificate."),
    click.option("--handoff-certificate", type=_FILE, envvar="SLUICE_HANDOFF_CERTIFICATE", hidden=True),
    click.option("--handoff-key", type=_FILE, envvar="SLUICE_HANDOFF_KEY", hidden=True),
)


def pinned(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options, and itself one argument `handoff_tls` in their place."""

    @functools.wraps(command)
    def run(
        *args: Any, handoff_ca: Path | None, handoff_certificate: Path | None, handoff_key: Path | None, **given: Any
    ) -> None:
        command(*args, handoff_tls=context(handoff_ca, handoff_certificate, handoff_key), **given)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def context(ca: Path | None, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext | None:
    """What connections to the handoff are secured by; None for what the system would do.

    Raises:
        HandoffCertificateError: a file is missing or is not what it should be.
    """
    if ca is None and certificate is None:
        return None
    try:
        made = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            made.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError too
        message = f"The certificates for the handoff cannot be used ({error.strerror or type(error).__name__})."
        raise HandoffCertificateError(message) from error
    return made
