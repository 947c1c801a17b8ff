"""`sluice projects`."""

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list, say_one
from handoff.schemas.projects import ProjectView

_COLUMNS: tuple[Column[ProjectView], ...] = (
    Column("project", lambda project: project.name),
    Column("open studies", lambda project: project.studies.get("open", 0)),
    Column("complete", lambda project: project.studies.get("complete", 0)),
    Column("batches", lambda project: project.batches),
    Column("handoffs", lambda project: sum(project.handoffs.values())),
    Column("models", lambda project: project.models),
)


@click.group()
def projects() -> None:
    """See whom data is for, and how much of it there is."""


@projects.command("list")
@LIMIT
@asking
def list_(asking: Asking, most: int | None) -> None:
    """List projects.

    Those of handoff.yaml, and all that something arrived for.
    """
    with asking.client() as client:
        none = "Nothing arrived yet, and handoff.yaml names no project."
        say_list(client.projects(), _COLUMNS, as_json=asking.as_json, most=most, none=none)


@projects.command()
@click.argument("name")
@asking
def show(asking: Asking, name: str) -> None:
    """Show the project NAME."""
    with asking.client() as client:
        project = client.project(name)
    facts = (
        ("project", project.name),
        ("in handoff.yaml", project.configured),
        ("studies", project.studies),
        ("batches", project.batches),
        ("handoffs", {state.lower(): count for state, count in project.handoffs.items()}),
        ("models", project.models),
    )
    say_one(project, facts, as_json=asking.as_json)
