"""`sluice doctor`."""

import json
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.ledger.silence import Standing
    from processors.ledger.troubles import CountedTrouble
    from processors.site import Site

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(_context: click.Context, _option: click.Parameter, value: str) -> float:
    match = re.fullmatch(r"(\d+)([mhd])", value)
    if match is None:
        raise click.BadParameter("a number with its unit: 30m, 12h, 7d")
    return int(match[1]) * _UNITS[match[2]]


@click.command()
@click.option("--peer", help="Only this peer, by its name in the peers file or by a calling AE title.")
@click.option("--since", default="7d", show_default=True, callback=_seconds, help="How far back: 30m, 12h, 7d.")
@click.option("--most", default=20, show_default=True, type=click.IntRange(1), help="Show no more than so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@home_option
def doctor(*, peer: str | None, since: float, most: int, as_json: bool, home: Path) -> None:
    """Say why associations were refused, aborted or odd, newest first, and what to change; and who is silent."""
    from processors.ledger import troubles
    from processors.ledger.rhythm_picture import facts
    from processors.ledger.schema import connect_readonly
    from processors.site import Site

    site = Site.load(home / "trusted")
    begin = time.time() - since
    with closing(connect_readonly(site.ledger)) as connection:
        found = list(troubles.newest(connection, since=begin, peer=peer, most=most))
        counted = troubles.counts(connection, begin)
        silent = _silent(connection, site, peer)
    if peer is not None:
        callers = {peer} | {each.trouble.peer or each.trouble.calling_ae for each in found}
        counted = [row for row in counted if row[0] in callers]
    if as_json:
        counts = [{"caller": caller, "cause": cause, "count": times} for caller, cause, times in counted]
        known = {"silent": [facts(standing) for standing in silent]}
        click.echo(json.dumps({"troubles": [_facts(each) for each in found], "counts": counts} | known, indent=2))
    else:
        _print_silent(silent, ZoneInfo(site.time_zone))
        _print(found, counted, ZoneInfo(site.time_zone))


def _silent(connection: sqlite3.Connection, site: "Site", peer: str | None) -> "list[Standing]":
    """Who is silent for too long now; nobody while the peers file cannot be used, which is told elsewhere."""
    from processors.errors import PeersFileError
    from processors.ledger.silence import Silences
    from processors.peers import Peers

    try:
        known = Peers.load(site.home)
    except PeersFileError:
        return []
    standings = Silences(lambda: known, ZoneInfo(site.time_zone)).look(connection, time.time())
    return [each for each in standings if each.state == "silent" and peer in {None, each.caller.name}]


def _print_silent(silent: "list[Standing]", zone: ZoneInfo) -> None:
    from processors.dicom.causes import printable
    from processors.ledger.rhythm_picture import sentence

    for standing in silent:
        click.echo(f"{printable(standing.caller.name)}: {sentence(standing, zone)}")
    if silent:
        click.echo("`sluice peers rhythm` shows what is usual.\n")


def _facts(each: "CountedTrouble") -> dict[str, object]:
    sentence, remedy = _words(each)
    return {
        **asdict(each.trouble),
        "count": each.count,
        "first_at": each.first_at,
        "sentence": sentence,
        "remedy": remedy,
    }


def _words(each: "CountedTrouble") -> tuple[str, str]:
    from processors.dicom.causes import explain

    one = each.trouble
    return explain(
        one.cause,
        calling_ae=one.calling_ae,
        called_ae=one.called_ae,
        address=one.address,
        peer=one.peer,
        detail=one.detail,
    )


def _print(found: "list[CountedTrouble]", counted: list[tuple[str, str, int]], zone: ZoneInfo) -> None:
    if not found:
        click.echo("No association was refused, aborted or odd.")
        return
    for each in found:
        sentence, remedy = _words(each)
        at = datetime.fromtimestamp(each.trouble.at, zone).strftime("%Y-%m-%d %H:%M:%S")
        times = f" ({each.count} times that day)" if each.count > 1 else ""
        click.echo(f"{at}  {sentence}{times}")
        click.echo(f"{'':19}  {remedy}")
    click.echo("\nBy caller:")
    width = max(len(caller) for caller, _, _ in counted)
    for caller, cause, number in counted:
        click.echo(f"  {caller or '-':<{width}}  {number:>6}  {cause}")
