"""`sluice models`."""

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.identifiers import short
from handoff.cli.table import LIMIT, Column, say_list
from handoff.schemas.results import ModelView

_COLUMNS: tuple[Column[ModelView], ...] = (
    Column("model", lambda model: model.id),
    Column("project", lambda model: model.project),
    Column("handoff", lambda model: short(model.handoff)),
    Column("batch", lambda model: short(model.batch)),
    Column("metrics", lambda model: model.metrics),
)


@click.group()
def models() -> None:
    """See the models that training runs made."""


@models.command("list")
@click.option("--project", help="Of this project alone.")
@click.option("--name", help="The versions of this model alone.")
@LIMIT
@asking
def list_(*, asking: Asking, project: str | None, name: str | None, most: int | None) -> None:
    """List model versions."""
    with asking.client() as client:
        found = client.models(project, name)
        say_list(found, _COLUMNS, as_json=asking.as_json, most=most, none="No training run made a model yet.")
