"""`sluice studies`."""

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list, say_one
from handoff.schemas.studies import StudyDetail, StudyView

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


@studies.command()
@click.argument("project")
@click.argument("study")
@asking
def show(asking: Asking, project: str, study: str) -> None:
    """Show the STUDY of the PROJECT: what closed each version, and all evidence."""
    with asking.client() as client:
        _say(client.study(project, study), as_json=asking.as_json)


@studies.command()
@click.argument("project")
@click.argument("study")
@click.option("--reason", required=True, help="Why, in your words and without a patient's data; it is recorded.")
@asking
def close(asking: Asking, project: str, study: str, reason: str) -> None:
    """Close the open STUDY of the PROJECT upon what is here, whatever is still missing."""
    with asking.client() as client:
        _say(client.close_study(project, study, reason), as_json=asking.as_json)


def _say(study: StudyDetail, *, as_json: bool) -> None:
    closed = [
        (f"version {one.version}", f"{one.instances} instances, {one.closed_by['rule']}") for one in study.versions
    ]
    facts = (
        ("study", study.study),
        ("project", study.project),
        ("state", study.state),
        ("waits for", study.waiting_for),
        ("truth", study.truth),
        ("shipments", study.shipments),
        *closed,
        ("evidence", tuple(one.says for one in study.evidence)),
    )
    say_one(study, facts, as_json=as_json)
