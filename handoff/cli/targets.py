"""`sluice targets`."""

import json
import sys

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list
from handoff.schemas.targets import TargetView

_COLUMNS: tuple[Column[TargetView], ...] = (
    Column("target", lambda target: target.name),
    Column("backend", lambda target: target.backend),
    Column("running", lambda target: target.running),
    Column("at once", lambda target: target.runs_at_once),
    Column("waiting", lambda target: target.waiting),
    Column("serves", lambda target: target.model),
)


@click.group()
def targets() -> None:
    """See where runs happen, and whether they could now."""


@targets.command("list")
@LIMIT
@asking
def list_(asking: Asking, most: int | None) -> None:
    """List targets, and what waits and runs there."""
    with asking.client() as client:
        say_list(client.targets(), _COLUMNS, as_json=asking.as_json, most=most, none="handoff.yaml has no target.")


@targets.command()
@click.argument("name")
@asking
def probe(asking: Asking, name: str) -> None:
    """Ask whether the target NAME could run now.

    Exits 1, with the remedy, if not.

    The service looks from its own machine. `sluice handoff target check` looks from this one.
    """
    with asking.client() as client:
        found = client.probe(name)
    click.echo(json.dumps(found.plain(), indent=2) if asking.as_json else "\n".join(found.says))
    if not found.ok:
        sys.exit(1)
