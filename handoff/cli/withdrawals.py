"""`sluice withdrawals`."""

import sys
from typing import IO

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list, say_one
from handoff.contract.canonical import canonical_json
from handoff.schemas.withdrawals import WithdrawalItem, WithdrawalView

_COLUMNS: tuple[Column[WithdrawalItem], ...] = (
    Column("withdrawal", lambda row: row.id),
    Column("project", lambda row: row.project),
    Column("reason", lambda row: row.reason),
    Column("state", lambda row: row.state),
    Column("shipments", lambda row: row.shipments),
    Column("asked by", lambda row: row.asked_by),
)


@click.group()
def withdrawals() -> None:
    """Withdraw shipments for ever, and see what became of every copy of them."""


@withdrawals.command("new")
@click.argument("project")
@click.argument("shipments", nargs=-1)
@click.option("--from", "file", type=click.File(), help="A file with an id a line; - reads standard input.")
@click.option("--reason", default="consent-withdrawn", show_default=True, help="Why, as a word.")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@asking
def new(
    *, asking: Asking, project: str, shipments: tuple[str, ...], file: IO[str] | None, reason: str, yes: bool
) -> None:
    """Withdraw SHIPMENTS of PROJECT, also those that have not arrived. It cannot be taken back.

    The same shipments are the same withdrawal; asked for again, it tries the copies that could not be purged. A list of
    more than 20000 becomes several withdrawals, each with its own certificate.
    """
    named = [*shipments, *(line.strip() for line in file or () if line.strip())]
    if not named:
        raise click.UsageError("Name at least one shipment, or a file of them by --from.")
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("This cannot be taken back: say --yes where nobody can be asked.")
    if not yes:
        click.confirm(f"Withdraw {len(named)} shipments of {project} for ever?", abort=True, err=True)
    with asking.client() as client:
        for view in client.withdraw_all(project, named, reason):
            _say(view, as_json=asking.as_json)


@withdrawals.command("list")
@click.option("--project", help="Of this project alone.")
@LIMIT
@asking
def list_(asking: Asking, project: str | None, most: int | None) -> None:
    """List withdrawals, the newest first."""
    with asking.client() as client:
        say_list(
            client.withdrawals(project), _COLUMNS, as_json=asking.as_json, most=most, none="Nothing was withdrawn yet."
        )


@withdrawals.command()
@click.argument("withdrawal")
@asking
def show(asking: Asking, withdrawal: str) -> None:
    """Show one WITHDRAWAL: what is purged, what remains and why, what it still waits for."""
    with asking.client() as client:
        _say(client.withdrawal(withdrawal), as_json=asking.as_json)


@withdrawals.command()
@click.argument("withdrawal")
@asking
def certificate(asking: Asking, withdrawal: str) -> None:
    """Print the signed certificate of a WITHDRAWAL that has ended, as the bytes that any JSON reader takes."""
    with asking.client() as client:
        click.echo(canonical_json(client.certificate(withdrawal)).decode())


def _say(view: WithdrawalView, *, as_json: bool) -> None:
    remains = tuple(
        f"{copy.kind} {copy.name}: {copy.reason}" + (f" until {copy.expires_on}" if copy.expires_on else "")
        for copy in view.remains
    )
    facts = (
        ("withdrawal", view.id),
        ("project", view.project),
        ("reason", view.reason),
        ("state", view.state),
        ("waiting for", view.waiting_for),
        ("shipments", len(view.shipments)),
        ("never arrived", len(view.never_arrived)),
        ("batches", view.batches),
        ("handoffs", view.handoffs),
        ("purged", view.purged),
        ("remains", remains),
    )
    say_one(view, facts, as_json=as_json)
