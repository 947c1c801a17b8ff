"""`sluice peers`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.dicom.peer_finding import Finding


@click.group()
def peers() -> None:
    """The peers of peers.yaml: list them, check them both ways, make tokens, and release what an unknown one sent."""


@peers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@home_option
def list_(*, as_json: bool, home: Path) -> None:
    """List the peers."""
    from processors.peers import Peers

    known = Peers.load(home / "trusted")
    for peer in known.peers.values():
        if as_json:
            click.echo(
                json.dumps(peer.model_dump(mode="json", exclude={"between"}) | {"between": _hours(peer.between)})
            )
        else:
            how = " by TLS" if peer.tls is not None else ""
            words = f"{peer.name}: {peer.ae_title} at {peer.host}:{peer.port}{how}, we are {peer.calling_ae_title}"
            click.echo(f"{words}; {peer.note}" if peer.note else words)
    for sender in known.senders.values():
        if as_json:
            click.echo(json.dumps(sender.model_dump(mode="json")))
        else:
            addresses = ", ".join(map(str, sender.sends.addresses or ())) or "anywhere"
            how = f"as {', '.join(sender.ae_titles)}" if sender.ae_titles else "by HTTP alone"
            click.echo(f"{sender.name} sends {how} from {addresses}")


@peers.command()
@click.argument("name", required=False)
@click.option("--host", help="Instead of a name: any host...")
@click.option("--port", type=click.IntRange(1, 65535), help="...its port...")
@click.option("--called-ae", default="ANY-SCP", show_default=True, help="...and what it wants to be called by.")
@click.option("--calling-ae", default="SLUICE", show_default=True, help="What we call ourselves there.")
@home_option
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


@peers.command()
@click.argument("names", nargs=-1)
@click.option("--peers", "file", type=click.Path(path_type=Path), help="The file; default: the trusted home's.")
@click.option("--store", is_flag=True, help="Store a test object at each that we call; it keeps it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@home_option
def check(*, names: tuple[str, ...], file: Path | None, store: bool, as_json: bool, home: Path) -> None:
    """Check peers both ways: C-ECHO and storage to each, and what our receiver answers to it. Exit 1 if one fails."""
    from processors.dicom.peer_check import check as look
    from processors.ledger.errors import LedgerError
    from processors.ledger.schema import connect_readonly
    from processors.peers import Peers
    from processors.site import Site

    known = Peers.read(file) if file is not None else Peers.load(home / "trusted")
    wanted = names or tuple(dict.fromkeys([*known.peers, *known.senders]))
    for name in wanted:
        if name not in known.senders:
            known.get(name)
    try:
        ledger = connect_readonly(Site.load(home / "trusted").ledger)
    except LedgerError:  # no receiver has run here yet
        ledger = None
    failed = False
    try:
        for name in wanted:
            for finding in look(known, name, ledger, store=store):
                failed = failed or not finding.is_good
                click.echo(json.dumps(asdict(finding)) if as_json else _in_words(finding))
    finally:
        if ledger is not None:
            ledger.close()
    if failed:
        sys.exit(1)


@peers.command()
def token() -> None:
    """Make a token for a sender that uploads by HTTP. It is shown once; the peers file gets its SHA-256."""
    import hashlib
    import secrets

    made = secrets.token_urlsafe(32)
    click.echo(f"For the sender, as `Authorization: Bearer ...`:\n  {made}")
    digest = hashlib.sha256(made.encode("ascii")).hexdigest()
    click.echo(f"For the peers file, under `sends` of the peer:\n  tokens: [{digest}]")


@peers.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@home_option
def rhythm(*, names: tuple[str, ...], as_json: bool, home: Path) -> None:
    """Show when peers usually send, as the ledger teaches, and who is silent for too long. Exit 1 if one is.

    A block stands for an hour of the site's week, the fuller the likelier something comes in a quarter of it. States:
    ok, quiet (half of what would be too long has passed), silent, learning (three weeks and forty quarters of an hour
    with objects are needed), unwatched. `quiet` in the peers file is planned downtime; `expects: none` there switches
    the alarm off.
    """
    import time
    from contextlib import closing
    from zoneinfo import ZoneInfo

    from processors.ledger.rhythm_picture import facts, print_rhythms
    from processors.ledger.schema import connect_readonly
    from processors.ledger.silence import Silences
    from processors.peers import Peers
    from processors.site import Site

    site = Site.load(home / "trusted")
    known, zone = Peers.load(home / "trusted"), ZoneInfo(site.time_zone)
    with closing(connect_readonly(site.ledger)) as ledger:
        standings = Silences(lambda: known, zone).look(ledger, time.time())
    strange = set(names) - {standing.caller.name for standing in standings}
    if strange:
        raise click.UsageError(f"nothing is known of {', '.join(sorted(strange))}; `sluice peers rhythm` names all")
    standings = [standing for standing in standings if not names or standing.caller.name in names]
    if as_json:
        for standing in standings:
            click.echo(json.dumps(facts(standing)))
    else:
        print_rhythms(standings, zone)
    if any(standing.state == "silent" for standing in standings):
        sys.exit(1)


@peers.command()
@click.argument("calling_ae")
@home_option
def release(*, calling_ae: str, home: Path) -> None:
    """Route what CALLING_AE sent while it was unknown and in quarantine."""
    from contextlib import closing

    from processors.landing.layout import Layout
    from processors.ledger.release import release_held
    from processors.ledger.schema import connect
    from processors.site import Site

    site = Site.load(home / "trusted")
    with closing(connect(site.ledger)) as ledger:
        number = release_held(Layout(site.landing), ledger, calling_ae)
    click.echo(f"{number} deliveries of {calling_ae} are released and will be routed.")


def _in_words(finding: "Finding") -> str:
    mark = "ok  " if finding.is_good else "FAIL"
    remedy = f"\n      {finding.remedy}" if finding.remedy else ""
    return f"{mark}  {finding.peer}, {finding.step}: {finding.sentence}{remedy}"


def _hours(between: object) -> str | None:
    return str(between) if between is not None else None
