"""`sluice results`: what came back, what is held and why, and a person's word on it."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from processors.home_option import home_option

Act = Callable[[sqlite3.Connection, str, float], bool]
_STATES = ("fetched", "held", "ready", "sent", "parked", "closed")
_SHOWN = ("id", "state", "reason", "project", "destination", "attempts", "handoff_id", "path")


@click.group()
def results() -> None:
    """Results of runs on their way back into the PACS.

    An object that may not go back is held, and one that the PACS refuses is parked: `list --state held --state parked`
    names them, `show` says why, and `release` or `discard` decides. docs/results.md explains every reason.
    """


@results.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only this state; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@home_option
def list_results(*, states: tuple[str, ...], as_json: bool, home: Path) -> None:
    """List objects, oldest first. Says nothing of patients."""
    from processors.ledger import results as rows
    from processors.ledger.schema import connect_readonly
    from processors.site import Site

    with closing(connect_readonly(Site.load(home / "trusted").ledger)) as ledger:
        found = [row for row in rows.of_state(ledger) if not states or row.state in states]
    for row in found:
        facts = {name: value for name, value in asdict(row).items() if name in _SHOWN}
        told = " ".join(str(facts[name]) for name in ("state", "reason", "destination") if facts[name])
        click.echo(json.dumps(facts) if as_json else f"{row.id}  {told}  {row.project}")


@results.command()
@click.argument("result_id", metavar="ID")
@home_option
def show(*, result_id: str, home: Path) -> None:
    """Say all about one object: its reason, where it lies, what happened to it; its UIDs may identify a patient."""
    from processors.landing.layout import Layout
    from processors.ledger import results as rows
    from processors.ledger.schema import connect_readonly
    from processors.results.errors import NoSuchResultError
    from processors.results.reasons import REASONS
    from processors.site import Site

    site = Site.load(home / "trusted")
    with closing(connect_readonly(site.ledger)) as ledger:
        row = rows.get(ledger, result_id)
        if row is None:
            raise NoSuchResultError(f"No object {result_id} came back.")
        events = ledger.execute("SELECT event, detail FROM events WHERE subject = ? ORDER BY id", (result_id,))
        happened = [" ".join(part for part in event if part) for event in events]
    sentence = next((text for reason, text in REASONS.items() if reason.value == row.reason), None)
    lies = str(Layout(site.landing).result(result_id))
    click.echo(json.dumps({**asdict(row), "because": sentence, "folder": lies, "events": happened}, indent=2))


@results.command()
@click.argument("result_id", metavar="ID")
@home_option
def release(*, result_id: str, home: Path) -> None:
    """Have what is held judged once more, or what the PACS refused sent once more, after its cause was mended."""
    from processors.ledger import results as rows

    _act(home, result_id, rows.release, "released")


@results.command()
@click.argument("result_id", metavar="ID")
@click.option("--reason", required=True, help="Why nobody wants it: a word or two, without a patient's name.")
@home_option
def discard(*, result_id: str, reason: str, home: Path) -> None:
    """End what is held, or what the PACS refused; it is never sent."""
    from processors.landing.layout import Layout
    from processors.landing.results import Ended
    from processors.ledger import results as rows
    from processors.site import Site

    said = f"discarded: {reason}"

    def act(ledger: sqlite3.Connection, id_: str, now: float) -> bool:
        row = rows.get(ledger, id_)
        if row is None or not rows.close(ledger, id_, said, now):
            return False
        folder = Layout(Site.load(home / "trusted").landing).result(id_)
        if folder.is_dir():
            Ended(state="closed", at=now, destination=row.destination, reason=said).write(folder)
        return True

    _act(home, result_id, act, "discarded")


def _act(home: Path, result_id: str, act: Act, said: str) -> None:
    """Write a person's word into the ledger.

    Raises:
        NoSuchResultError: the object does not wait for one.
    """
    from processors.ledger.schema import connect
    from processors.results.errors import NoSuchResultError
    from processors.site import Site

    with closing(connect(Site.load(home / "trusted").ledger)) as ledger:
        if not act(ledger, result_id, time.time()):
            raise NoSuchResultError(f"The object {result_id} does not wait for a person.")
    click.echo(json.dumps({"event": said, "id": result_id}))
