"""`sluice ledger`."""

import json
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.ledger.handoff_pin import pinned

if TYPE_CHECKING:
    from processors.ledger.gaps import HandoffShipment
    from processors.ledger.reconcile import Report

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".sluice"),
    show_default=True,
    envvar="SLUICE_HOME",
    help="Whose trusted/ this is about.",
)


@click.group()
def ledger() -> None:
    """Account for every instance that was acknowledged."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--repair", "mend", is_flag=True, help="Mend the gaps whose cause is plain, then look again.")
@click.option("--handoff-url", help="Ask the handoff at this URL for its list of shipments too.")
@click.option("--token", envvar="SLUICE_HANDOFF_TOKEN", help="API token for the handoff.")
@pinned
@_HOME
def reconcile(
    *,
    as_json: bool,
    mend: bool,
    handoff_url: str | None,
    token: str | None,
    handoff_tls: ssl.SSLContext | None,
    home: Path,
) -> None:
    """Compare landing, ledger, receipts and (if told where) the handoff. Exit 1 if anything is unaccounted for."""
    from processors.ledger import handoff_list, repair
    from processors.ledger.reconcile import reconcile as look
    from processors.site import Site

    site = Site.load(home / "trusted")
    theirs: Callable[[], Mapping[str, HandoffShipment]] | None = None
    if handoff_url:
        url, secret = handoff_url, token or ""
        theirs = lambda: handoff_list.fetch(url, secret, handoff_tls)  # noqa: E731 - it is called again for the second look
    report = look(site.landing, site.ledger, theirs)
    if mend and report.gaps:
        repair.repair(site.landing, site.ledger, report.gaps)
        report = look(site.landing, site.ledger, theirs)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        _print(report)
    if report.gaps:
        sys.exit(1)


@ledger.command()
@_HOME
def rebuild(home: Path) -> None:
    """Enter into the ledger what only the landing knows; a lost ledger is made anew. The receiver must be stopped."""
    from processors.ledger import repair
    from processors.site import Site

    site = Site.load(home / "trusted")
    click.echo(json.dumps({"event": "rebuilt", **asdict(repair.rebuild(site.landing, site.ledger))}))


def _print(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("state", "instances", title="Acknowledged instances, once for each shipment")
    table.columns[1].justify = "right"
    for state, number in report.states.items():
        table.add_row(state, str(number))
    console.print(table)
    refusals = ", ".join(f"{reason} {number}" for reason, number in report.refused.items())
    console.print(f"acknowledged {report.acknowledged}; refused {sum(report.refused.values())} {refusals}".rstrip())
    if report.labels:
        console.print("label documents: " + ", ".join(f"{state} {number}" for state, number in report.labels.items()))
    returned = ", ".join(f"{state} {number}" for state, number in report.results.items() if number)
    if returned:
        console.print(f"results on their way back: {returned}")
    for gap in report.gaps:
        console.print(f"[red]gap[/red] {gap.kind} {gap.subject} {gap.detail}".rstrip(), soft_wrap=True)
    agree = f"{', '.join(report.witnesses)} agree" if not report.gaps else f"{len(report.gaps)} gaps"
    console.print(agree)
