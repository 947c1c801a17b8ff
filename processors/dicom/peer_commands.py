"""`sluice peers`."""

import json
import sys
from pathlib import Path

import click

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".sluice"),
    show_default=True,
    envvar="SLUICE_HOME",
    help="Whose trusted/ this is about.",
)


@click.group()
def peers() -> None:
    """The PACS and archives of peers.yaml: list them, and see whether they answer."""


@peers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@_HOME
def list_(*, as_json: bool, home: Path) -> None:
    """List the peers."""
    from processors.peers import Peers

    for peer in Peers.load(home / "trusted").peers.values():
        if as_json:
            click.echo(
                json.dumps(peer.model_dump(mode="json", exclude={"between"}) | {"between": _hours(peer.between)})
            )
        else:
            words = f"{peer.name}: {peer.ae_title} at {peer.host}:{peer.port}, we are {peer.calling_ae_title}"
            click.echo(f"{words}; {peer.note}" if peer.note else words)


@peers.command()
@click.argument("name", required=False)
@click.option("--host", help="Instead of a name: any host...")
@click.option("--port", type=click.IntRange(1, 65535), help="...its port...")
@click.option("--called-ae", default="ANY-SCP", show_default=True, help="...and what it wants to be called by.")
@click.option("--calling-ae", default="SLUICE", show_default=True, help="What we call ourselves there.")
@_HOME
def echo(*, name: str | None, host: str | None, port: int | None, called_ae: str, calling_ae: str, home: Path) -> None:
    """Ask a peer whether it is there (C-ECHO), and say in plain words why it is not. Exit 1 if it is not."""
    from pydantic import ValidationError

    from processors.dicom.associate import echo as ask
    from processors.dicom.errors import PeerError
    from processors.peers import Peer, Peers

    if (name is None) == (host is None or port is None):
        raise click.UsageError("give the NAME of a peer, or --host and --port")
    if name is not None:
        peer = Peers.load(home / "trusted").get(name)
    else:
        try:
            peer = Peer.model_validate(
                {"name": "peer", "ae_title": called_ae, "host": host, "port": port, "calling_ae_title": calling_ae}
            )
        except ValidationError as error:
            raise click.UsageError(str(error.errors()[0]["msg"])) from error
    try:
        ask(peer)
    except PeerError as error:
        click.echo(f"{error} {error.remedy}", err=True)
        sys.exit(1)
    click.echo(f"Peer {peer.name} answers as {peer.ae_title} at {peer.host}:{peer.port}.")


def _hours(between: object) -> str | None:
    return str(between) if between is not None else None
