"""`sluice trace`: any id to its whole line, from the association that brought it to the models that learned of it."""

import json
import ssl
import sys
from pathlib import Path
from typing import ClassVar

import click

from processors.ledger.handoff_pin import pinned


class UnknownIdError(Exception):
    """Nobody here knows this id."""

    remedy: ClassVar[str] = (
        "Give an id of an association, delivery, shipment, batch, handoff or model, or a pseudonymous UID; --home says "
        "whose."
    )


@click.command()
@click.argument("identifier", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: start, nodes, edges, witnesses.")
@click.option("--identified", is_flag=True, help="Tell original UIDs and AE titles too; they may identify a patient.")
@click.option("--handoff-url", envvar="SLUICE_HANDOFF_URL", help="Where the handoff is; default: where it was last.")
@pinned
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SLUICE_HOME",
    default=Path(".sluice"),
    show_default=True,
    help="The home; either zone of it may be missing.",
)
@click.option(
    "--limit",
    type=click.IntRange(2, 10_000),
    default=1000,
    show_default=True,
    help="Most things of the research zone, the nearest ones.",
)
def trace(
    *,
    identifier: str,
    as_json: bool,
    identified: bool,
    handoff_url: str | None,
    handoff_tls: ssl.SSLContext | None,
    home: Path,
    limit: int,
) -> None:
    """Follow ID to its whole line, both ways.

    ID may be of an association, delivery, shipment, evidence message, label document, batch, handoff (or its key), or
    model, or the pseudonymous UID of a study, series or instance.
    """
    from rich.console import Console

    from sluice.tracing.join import trace_line
    from sluice.tracing.tree import draw_tree

    joined = trace_line(
        home, identifier, identified=identified, handoff_url=handoff_url, handoff_tls=handoff_tls, limit=limit
    )
    if not joined.line.facts:
        raise UnknownIdError(f"Nobody here knows the id {identifier}.")
    cut = [f"{thing}: more of {kind}" for thing, kind in sorted(joined.line.cut)]
    if as_json:
        more = {"cut": cut} if cut else {}
        click.echo(json.dumps({**joined.line.as_json(), "witnesses": joined.witnesses, **more}, indent=2))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
    console.print(draw_tree(joined.line))
    if cut:
        console.print(
            f"[yellow]Not all of it: there is more next to {len(cut)} things. A higher --limit shows more.[/]"
        )
    console.print(f"[dim]told by: {' and '.join(joined.witnesses)}[/]")
