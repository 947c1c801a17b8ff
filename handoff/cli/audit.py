"""`sluice audit`."""

from datetime import UTC, datetime

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list
from handoff.schemas.audit import ActView

_COLUMNS: tuple[Column[ActView], ...] = (
    Column("when (UTC)", lambda act: datetime.fromtimestamp(act.at, UTC).strftime("%Y-%m-%d %H:%M:%S")),
    Column("who", lambda act: act.principal),
    Column("role", lambda act: act.role),
    Column("what", lambda act: act.action),
    Column("of", lambda act: act.subject),
    Column("answer", lambda act: f"{act.status} {act.code or ''}".strip()),
)


@click.command()
@LIMIT
@click.option("--who", help="A principal, by its name; `-` for requests of nobody known.")
@click.option("--what", help="The name of a route or command.")
@click.option("--of", "subject", help="The id that it was about.")
@asking
def audit(asking: Asking, most: int | None, who: str | None, what: str | None, subject: str | None) -> None:
    """List who changed what at the handoff, and who was refused, the newest first."""
    with asking.client() as client:
        acts = client.acts(principal=who, action=what, subject=subject)
        say_list(acts, _COLUMNS, as_json=asking.as_json, most=most, none="Nothing was changed or refused.")
