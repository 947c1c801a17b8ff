"""`sluice ledger`."""

import json
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from processors.home_option import home_option
from processors.ledger.handoff_pin import pinned

if TYPE_CHECKING:
    from processors.ledger.gaps import HandoffShipment
    from processors.ledger.reconcile import Report
    from processors.site import Site


@click.group()
def ledger() -> None:
    """Account for every instance that was acknowledged."""


class _Day(click.ParamType[date]):
    """A day as 2026-11-21 or 20261121."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail("a day is written as 2026-11-21", param, ctx)


def _zone(_context: click.Context, _option: click.Parameter, value: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(value) if value else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"{value!r} is no IANA time zone, as Europe/Vienna") from error


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--by-peer", is_flag=True, help="For each modality what it sent in --day and what became of it.")
@click.option("--day", type=_Day(), help="With --by-peer: which day; default: yesterday.")
@click.option("--until", type=_Day(), help="With --by-peer: the last day of several that begin with --day.")
@click.option("--time-zone", callback=_zone, help="With --by-peer: where days begin; default: the site's time zone.")
@click.option("--ask", "pacs", help="With --by-peer: have this peer count its studies of these days too (C-FIND).")
@click.option("--repair", "mend", is_flag=True, help="Mend the gaps whose cause is plain, then look again.")
@click.option("--handoff-url", help="Ask the handoff at this URL for its list of shipments too.")
@click.option("--token", envvar="SLUICE_HANDOFF_TOKEN", help="API token for the handoff.")
@pinned
@home_option
def reconcile(
    *,
    as_json: bool,
    by_peer: bool,
    day: date | None,
    until: date | None,
    time_zone: ZoneInfo | None,
    pacs: str | None,
    mend: bool,
    handoff_url: str | None,
    token: str | None,
    handoff_tls: ssl.SSLContext | None,
    home: Path,
) -> None:
    """Compare landing, ledger, receipts and (if told where) the handoff. Exit 1 if anything is unaccounted for.

    With --by-peer it is a statement for each modality of a day: associations, objects offered, acknowledged, refused
    and what became of them. Each acknowledged object is in one column from duplicate to confirmed; confirmed is by all
    destinations, handed off by at least one. Exit 1 if sums do not agree, or the PACS has more than is here.
    """
    from processors.ledger import handoff_list, repair
    from processors.ledger.reconcile import reconcile as look
    from processors.site import Site

    site = Site.load(home / "trusted")
    if by_peer:
        if mend or handoff_url:
            raise click.UsageError("--repair and --handoff-url are about everything; leave --by-peer away")
        _by_peer(site, day, until, time_zone, pacs, as_json=as_json)
        return
    if day or until or time_zone or pacs:
        raise click.UsageError("--day, --until, --time-zone and --ask go with --by-peer")
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


def _by_peer(
    site: "Site", day: date | None, until: date | None, zone: ZoneInfo | None, pacs: str | None, *, as_json: bool
) -> None:
    from contextlib import closing

    from processors.landing.layout import Layout
    from processors.ledger.day_report import Stretch, report_of
    from processors.ledger.day_table import print_day
    from processors.ledger.schema import connect_readonly
    from processors.peers import Peers

    zone = zone or ZoneInfo(site.time_zone)
    first = day or datetime.now(zone).date() - timedelta(days=1)
    if until is not None and (day is None or until < day):
        raise click.UsageError("--until is the last day, and --day the first")
    peers = Peers.load(site.home)
    asked = peers.get(pacs) if pacs else None
    counts = None
    with closing(connect_readonly(site.ledger)) as connection:
        stretch = Stretch(first, until or first, zone)
        report = report_of(connection, Layout(site.landing), peers, stretch)
        if asked is not None:
            from processors.pull.day_count import ask_day

            counts = ask_day(asked, connection, peers, stretch)
    if as_json:
        stated = {} if counts is None else {"asked": pacs, "counts": [count.to_json() for count in counts]}
        click.echo(json.dumps(report.to_json() | stated, indent=2))
    else:
        print_day(report, counts, pacs or "")
    if report.gaps or any(count.incomplete for count in counts or ()):
        sys.exit(1)


@ledger.command()
@home_option
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
