"""`sluice models`."""

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.identifiers import short
from handoff.cli.table import LIMIT, Column, say_list, say_one
from handoff.schemas.models import AliasView, PromotionView
from handoff.schemas.results import EvaluationView, ModelView


def _shortfalls(promotion: PromotionView) -> str | None:
    """What of the gate was not reached, in words."""
    short_of = [f"{found.metric or 'data'} {found.shortfall}" for found in promotion.findings if found.shortfall]
    return ", ".join(short_of) or None


_COLUMNS: tuple[Column[ModelView], ...] = (
    Column("model", lambda model: model.id),
    Column("project", lambda model: model.project),
    Column("handoff", lambda model: short(model.handoff)),
    Column("began with", lambda model: model.retrained_from),
    Column("batch", lambda model: short(model.batch)),
    Column("metrics", lambda model: model.metrics),
    Column("aliases", lambda model: ", ".join(model.aliases) or None),
)
_EVALUATIONS: tuple[Column[EvaluationView], ...] = (
    Column("model", lambda evaluation: evaluation.model),
    Column("handoff", lambda evaluation: short(evaluation.handoff)),
    Column("batch", lambda evaluation: short(evaluation.batch)),
    Column("metrics", lambda evaluation: evaluation.metrics),
)
_ALIASES: tuple[Column[AliasView], ...] = (
    Column("alias", lambda alias: alias.alias),
    Column("stands for", lambda alias: alias.version),
    Column("set by", lambda alias: alias.set_by),
)
_PROMOTIONS: tuple[Column[PromotionView], ...] = (
    Column("promotion", lambda promotion: promotion.id),
    Column("alias", lambda promotion: f"{promotion.model}@{promotion.alias}"),
    Column("version", lambda promotion: promotion.version),
    Column("state", lambda promotion: promotion.state),
    Column("asked by", lambda promotion: promotion.asked_by),
    Column("decided by", lambda promotion: promotion.decided_by),
    Column("falls short", _shortfalls),
)
_BECAUSE = click.option("--because", required=True, help="Why, in a sentence; it is kept and shown.")


@click.group()
def models() -> None:
    """See the models that training runs made, and which of them are trusted for what."""


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


@models.command()
@click.argument("model")
@LIMIT
@asking
def evaluations(*, asking: Asking, model: str, most: int | None) -> None:
    """List what was measured of the MODEL, name:version or name@alias, since it was registered."""
    with asking.client() as client:
        found = client.evaluations(model)
        none = "Nobody evaluated it yet: `sluice handoffs new evaluate BATCH --model MODEL`."
        say_list(found, _EVALUATIONS, as_json=asking.as_json, most=most, none=none)


@models.command()
@click.argument("model")
@LIMIT
@asking
def aliases(*, asking: Asking, model: str, most: int | None) -> None:
    """List the aliases of the MODEL."""
    with asking.client() as client:
        found = client.aliases(model)
        say_list(found, _ALIASES, as_json=asking.as_json, most=most, none="No alias stands for a version of it yet.")


@models.command()
@click.argument("model")
@click.argument("alias")
@click.argument("version", type=click.IntRange(1))
@_BECAUSE
@asking
def promote(*, asking: Asking, model: str, alias: str, version: int, because: str) -> None:
    """Let the ALIAS of the MODEL stand for the VERSION, if its project's gate lets it."""
    with asking.client() as client:
        _say(client.promote(model, alias, version, because), as_json=asking.as_json)


@models.command()
@click.option("--model", help="Of this model alone.")
@click.option("--state", type=click.Choice(["waiting", "approved", "refused"]), help="In this state alone.")
@LIMIT
@asking
def promotions(*, asking: Asking, model: str | None, state: str | None, most: int | None) -> None:
    """List promotions, the newest first, with what the gate found."""
    with asking.client() as client:
        found = client.promotions(model, state)
        say_list(found, _PROMOTIONS, as_json=asking.as_json, most=most, none="Nobody asked for a promotion yet.")


@models.command()
@click.argument("promotion")
@_BECAUSE
@asking
def approve(*, asking: Asking, promotion: str, because: str) -> None:
    """Approve a PROMOTION that waits for a second person."""
    with asking.client() as client:
        _say(client.approve(promotion, because), as_json=asking.as_json)


@models.command()
@click.argument("promotion")
@_BECAUSE
@asking
def refuse(*, asking: Asking, promotion: str, because: str) -> None:
    """Refuse a PROMOTION; the alias stays where it is."""
    with asking.client() as client:
        _say(client.refuse(promotion, because), as_json=asking.as_json)


def _say(promotion: PromotionView, *, as_json: bool) -> None:
    say_one(promotion, [(column.title, column.cell(promotion)) for column in _PROMOTIONS], as_json=as_json)
