"""`sluice certificates`: what the handoff speaks TLS by, for a site that has no authority of its own, or for a trial.

```
ca.pem                              whom both sides trust: --client-ca, handoff.ca, SLUICE_HANDOFF_CA
handoff.pem     handoff-key.pem     the service shows them: --certificate, --key
trusted.pem     trusted-key.pem     what delivers shows them: handoff.client.certificate, handoff.client.key
```

The authority's own key is nowhere: it is forgotten once it has signed. New certificates mean a new folder.
"""

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path

import click

from handoff.home import write_secret
from sluice.certificates import Authority
from sluice.site_secrets import SecretsExistError

HERE = ("localhost", "127.0.0.1", "::1")
"""Names of the machine that a service is on, as that machine says them."""


def make_certificates(folder: Path, hosts: Sequence[str]) -> tuple[Path, ...]:
    """Write the files below `folder` (0700, files 0600) and return them.

    Args:
        folder: a new one.
        hosts: names and addresses that the handoff is called by, beside those of its own machine.

    Raises:
        SecretsExistError: the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SecretsExistError(f"{folder} is not empty.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = Authority.new("Sluice handoff authority")
    handoff = authority.issue("handoff", hosts=tuple(dict.fromkeys((*hosts, *HERE))))
    written = [(folder / "ca.pem", authority.certificate_pem)]
    for name, identity in (("handoff", handoff), ("trusted", authority.issue("trusted"))):
        written += [(folder / f"{name}.pem", identity.certificate_pem), (folder / f"{name}-key.pem", identity.key_pem)]
    for file, content in written:
        write_secret(file, content)
    return tuple(file for file, _ in written)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--host", "hosts", multiple=True, help="Name or address that the handoff is called by; repeatable.")
def certificates(folder: Path, hosts: tuple[str, ...]) -> None:
    """Make an authority and the certificates for TLS between both sides into DIR, a new folder.

    Without --host the handoff is called by this machine's name, and always by localhost. Certificates hold for ten
    years. What follows says how to use them.
    """
    names = hosts or _names_here()
    files = make_certificates(folder, names)
    for file in files:
        click.echo(str(file))
    at = folder.resolve()
    click.echo(f"""
Serve:
  sluice handoff serve --certificate {at}/handoff.pem --key {at}/handoff-key.pem --client-ca {at}/ca.pem
Deliver:
  sluice flows deploy --set handoff.url=https://{names[0]}:PORT --secret-file handoff.ca={at}/ca.pem \\
    --secret-file handoff.client.certificate={at}/trusted.pem --secret-file handoff.client.key={at}/trusted-key.pem
Ask, as a person on the trusted side:
  export SLUICE_HANDOFF_CA={at}/ca.pem SLUICE_HANDOFF_CERTIFICATE={at}/trusted.pem \\
    SLUICE_HANDOFF_KEY={at}/trusted-key.pem""")


def _names_here() -> tuple[str, ...]:
    with contextlib.suppress(OSError):
        return (socket.gethostname(),)
    return HERE[:1]
