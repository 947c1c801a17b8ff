"""`sluice studies`."""

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list
from handoff.schemas.studies import StudyView

_COLUMNS: tuple[Column[StudyView], ...] = (
    Column("project", lambda study: study.project),
    Column("study", lambda study: study.study),
    Column("state", lambda study: study.state),
    Column("version", lambda study: study.version),
    Column("instances", lambda study: study.instances),
    Column("truth", lambda study: study.truth),
    Column("waits for", lambda study: study.waiting_for),
)


@click.group()
def studies() -> None:
    """See which studies are complete, and what the others wait for."""


@studies.command("list")
@click.option("--project", help="Of this project alone.")
@click.option("--state", type=click.Choice(["open", "complete"]), help="In this state alone.")
@LIMIT
@asking
def list_(asking: Asking, project: str | None, state: str | None, most: int | None) -> None:
    """List studies in the order in which they were first heard of."""
    with asking.client() as client:
        found = client.studies(project, state)
        say_list(found, _COLUMNS, as_json=asking.as_json, most=most, none="No study arrived yet.")
