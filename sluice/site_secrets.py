"""`sluice secrets new`: every secret of a new installation, each zone's in a folder of its own.

```
trusted/    site-key  handoff-token  receipt-public-key  nifi-sensitive-key  tls-password
            ca.pem  nifi.p12  nifi-registry.p12  truststore.p12  operator.pem  operator-key.pem
            door-ca.pem  trusted.pem  trusted-key.pem
research/   handoff-token  api-token  receipt-key  postgres-password
            s3-access-key  s3-secret-key  s3-credentials
            handoff-ca.pem  handoff.pem  handoff-key.pem  door.pem
```

What both zones hold is the token that deliveries are accepted by, and the certificate of the authority for the way
between them (`door-ca.pem` is `handoff-ca.pem`). NiFi knows people by another one, so that no key of the research zone
opens the trusted one. The key that pseudonyms come from is in `trusted/` alone; the authorities' own keys are nowhere:
each is forgotten once it has signed.
"""

import secrets
from pathlib import Path
from typing import ClassVar

import click

from handoff.home import write_secret
from handoff.receipts import ReceiptSigner
from processors.deid.keys import KeyFile
from sluice.certificates import Authority


class SecretsExistError(Exception):
    """There are secrets in that folder."""

    remedy: ClassVar[str] = "Name a new folder; a secret is never overwritten."
    exit_code: ClassVar[int] = 2


def make_secrets(folder: Path) -> tuple[Path, ...]:
    """Write all secrets below `folder` (0700, files 0600) and return the files.

    Raises:
        SecretsExistError: the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SecretsExistError(f"{folder} is not empty.")
    trusted, research = folder / "trusted", folder / "research"
    for each in (folder, trusted, research):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    KeyFile.create(trusted / "site-key")
    signer = ReceiptSigner.load(research / "receipt-key")
    _write(trusted / "receipt-public-key", signer.public_key)
    token = secrets.token_urlsafe(32)
    for zone in (trusted, research):
        _write(zone / "handoff-token", token)
    for file in (trusted / "nifi-sensitive-key", research / "api-token", research / "postgres-password"):
        _write(file, secrets.token_urlsafe(32))
    access, secret = secrets.token_hex(10), secrets.token_urlsafe(30)
    _write(research / "s3-access-key", access)
    _write(research / "s3-secret-key", secret)
    _write(research / "s3-credentials", f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}")
    _make_certificates(trusted)
    _make_way_between(trusted, research)
    return tuple(sorted(file for file in folder.rglob("*") if file.is_file()))


def _make_certificates(folder: Path) -> None:
    password = secrets.token_urlsafe(24)
    _write(folder / "tls-password", password)
    authority = Authority.new("Sluice site authority")
    write_secret(folder / "ca.pem", authority.certificate_pem)
    write_secret(folder / "truststore.p12", authority.truststore(password))
    for name in ("nifi", "nifi-registry"):
        server = authority.issue(name, hosts=(name, "localhost", "127.0.0.1"))
        write_secret(folder / f"{name}.p12", server.keystore(password))
    operator = authority.issue("operator")
    write_secret(folder / "operator.pem", operator.certificate_pem)
    write_secret(folder / "operator-key.pem", operator.key_pem)


def _make_way_between(trusted: Path, research: Path) -> None:
    authority = Authority.new("Sluice handoff authority")
    for file in (trusted / "door-ca.pem", research / "handoff-ca.pem"):
        write_secret(file, authority.certificate_pem)
    client = authority.issue("trusted")
    write_secret(trusted / "trusted.pem", client.certificate_pem)
    write_secret(trusted / "trusted-key.pem", client.key_pem)
    handoff = authority.issue("handoff", hosts=("handoff", "localhost", "127.0.0.1", "::1"))
    write_secret(research / "handoff.pem", handoff.certificate_pem)
    write_secret(research / "handoff-key.pem", handoff.key_pem)
    door = authority.issue("door", hosts=("door",))
    write_secret(research / "door.pem", door.certificate_pem + door.key_pem)  # HAProxy wants both in one


def _write(file: Path, text: str) -> None:
    write_secret(file, f"{text}\n".encode())


@click.group("secrets")
def secrets_group() -> None:
    """Make the secrets of a new installation."""


@secrets_group.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def new(folder: Path) -> None:
    """Write every secret that docker-compose.yml names into DIR, a new folder.

    Each zone has its own folder: give a machine of the research zone `research/` alone. The containers run as user
    1000, and only its owner may read a file, so make that user the owner. Certificates hold for ten years.
    """
    for file in make_secrets(folder):
        click.echo(str(file))
