"""`sluice commitment`."""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.ledger.commitments import Commitment, State


@click.group()
def commitment() -> None:
    """What modalities asked us to keep (DICOM storage commitment), and what they were answered.

    A modality that asks may delete its own copies once it is told Success. It is told so only where the peers file has
    `storage_commitment: {keep_days: ...}` under `sends`, and only of objects whose files were read again and that
    nothing deletes for so many days. Everybody else is told of a failure, and every list is kept as evidence.
    """


@commitment.command("list")
@click.option("--peer", help="Only this peer, by its name in the peers file or by a calling AE title.")
@click.option(
    "--state",
    type=click.Choice(["requested", "judged", "reported"]),
    help="requested: not looked at yet; judged: answered, and the requester has not heard; reported: it has.",
)
@click.option("--most", default=20, show_default=True, type=click.IntRange(1), help="Show no more than so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@home_option
def list_(*, peer: str | None, state: "State | None", most: int, as_json: bool, home: Path) -> None:
    """List requests, newest first."""
    from processors.ledger import commitments
    from processors.ledger.schema import connect_readonly
    from processors.site import Site

    site = Site.load(home / "trusted")
    with closing(connect_readonly(site.ledger)) as ledger:
        found = commitments.newest(ledger, state=state, peer=peer, most=most)
    for one in found:
        click.echo(json.dumps(asdict(one)) if as_json else _line(one, ZoneInfo(site.time_zone)))
    if not found and not as_json:
        click.echo("Nobody has asked.")


@commitment.command()
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@home_option
def show(*, id_: str, as_json: bool, home: Path) -> None:
    """Show one request by its ID or its Transaction UID, with each instance that it names. Exit 1 if there is none."""
    from processors.dicom.commitment.judge import REASONS
    from processors.ledger import commitments
    from processors.ledger.schema import connect_readonly
    from processors.site import Site

    site = Site.load(home / "trusted")
    with closing(connect_readonly(site.ledger)) as ledger:
        found = commitments.get(ledger, id_) or commitments.last_of(ledger, id_)
        named = commitments.instances(ledger, found.id) if found is not None else []
    if found is None:
        click.echo(f"There is no request {id_}.", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({**asdict(found), "instances": [asdict(one) for one in named]}, indent=2))
        return
    click.echo(_line(found, ZoneInfo(site.time_zone)))
    click.echo(f"Transaction UID {found.transaction_uid}, asked of {found.called_ae} from {found.address}")
    for one in named:
        answer = "?" if found.failed is None else "kept"
        if one.failure is not None:
            answer = f"{one.failure:04X}, {REASONS.get(one.failure, 'unknown')}"
        click.echo(f"  {one.sop_instance_uid}  {answer}")


def _line(one: "Commitment", zone: ZoneInfo) -> str:
    who = f"{one.calling_ae} ({one.peer})" if one.peer else one.calling_ae
    return f"{_at(one.received_at, zone)}  {one.id}  {who}: {one.total} instances, {_answer(one, zone)}; {_told(one)}"


def _answer(one: "Commitment", zone: ZoneInfo) -> str:
    if one.failed is None:
        return "not judged yet"
    if one.failed == one.total:
        return "all failed"
    until = f"kept until {_at(one.kept_until, zone)}" if one.kept_until is not None else "kept"
    return until if not one.failed else f"{one.failed} failed, the others {until}"


def _told(one: "Commitment") -> str:
    if one.state == "reported":
        return "reported"
    if one.attempts:
        return f"not reported after {one.attempts} attempts ({one.reason})"
    return "not reported yet"


def _at(at: float | None, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at or 0.0, zone).strftime("%Y-%m-%d %H:%M:%S")
