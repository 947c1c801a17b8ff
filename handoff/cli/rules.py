"""`sluice rules`."""

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list, say_one
from handoff.schemas.rules import FiringView, RuleView, SignalRequest

if TYPE_CHECKING:
    from handoff.rules.check import Finding
    from handoff.settings import Settings


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


_RULES: tuple[Column[RuleView], ...] = (
    Column("project", lambda rule: rule.project),
    Column("rule", lambda rule: rule.rule),
    Column("when", lambda rule: rule.says["when"]["trigger"]),
    Column("fired last", lambda rule: _moment(rule.last.at if rule.last else None)),
    Column("in 24 h", lambda rule: rule.fired_today),
    Column("waiting", lambda rule: rule.waiting),
    Column("next", lambda rule: _moment(rule.next_at)),
    Column("why not now", lambda rule: rule.why_not),
)
_FIRINGS: tuple[Column[FiringView], ...] = (
    Column("at", lambda firing: _moment(firing.at)),
    Column("occasion", lambda firing: firing.occasion),
    Column("state", lambda firing: firing.state.value),
    Column("reason", lambda firing: firing.reason),
    Column("handoff", lambda firing: firing.handoff),
)


@click.group()
def rules() -> None:
    """See what projects decide by themselves, when each rule fired, and why not."""


@rules.command("list")
@click.option("--project", help="Of this project alone.")
@LIMIT
@asking
def list_(asking: Asking, project: str | None, most: int | None) -> None:
    """List the rules of handoff.yaml: when each last fired, and why it does not now."""
    with asking.client() as client:
        found = client.rules(project)
        say_list(found, _RULES, as_json=asking.as_json, most=most, none="No project of handoff.yaml has a rule.")


@rules.command()
@click.argument("project")
@click.argument("rule")
@click.option("--state", help="In this state alone.")
@LIMIT
@asking
def firings(asking: Asking, project: str, rule: str, state: str | None, most: int | None) -> None:
    """List what the RULE of the PROJECT did about each occasion, the newest first."""
    with asking.client() as client:
        found = client.firings(project, rule, state)
        say_list(found, _FIRINGS, as_json=asking.as_json, most=most, none="Nothing happened yet that concerns it.")


@rules.command()
@click.argument("project")
@click.argument("name")
@click.option("--verdict", type=click.Choice(["none", "suspected", "drift"]), help="What NAME, which watches, found.")
@click.option("--value", type=float, help="The value of the metric NAME.")
@click.option("--model", help="Of which model, as name:version.")
@click.option("--id", "identifier", help="32 hex digits; a repeat with the same is harmless. Default: a random one.")
@asking
def signal(
    asking: Asking,
    *,
    project: str,
    name: str,
    verdict: str | None,
    value: float | None,
    model: str | None,
    identifier: str | None,
) -> None:
    """Say what was noticed about the PROJECT: a verdict on drift by NAME, or a value of the metric NAME."""
    if (verdict is None) == (value is None):
        message = "Give either --verdict or --value."
        raise click.UsageError(message)
    said = SignalRequest.model_validate(
        {
            "id": identifier or secrets.token_hex(16),
            "project": project,
            "kind": "drift" if value is None else "metric",
            "name": name,
            "verdict": verdict,
            "value": value,
            "model": model,
        }
    )
    with asking.client() as client:
        taken = client.send_signal(said)
    say_one(taken, (("signal", taken.id), ("rules that act on it", taken.rules or "none")), as_json=asking.as_json)


@rules.command()
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SLUICE_HOME",
    default=Path(".sluice"),
    show_default=True,
    help="Whose research/handoff.yaml; the service need not run.",
)
def check(home: Path) -> None:
    """Say of each rule of handoff.yaml whether it could ever start a run; exit 1 if one could not."""
    from handoff.rules.check import impossible
    from handoff.rules.rule import Schedule
    from handoff.settings import Settings

    settings = Settings.load(home)
    wrong = {(finding.project, finding.rule): finding for finding in impossible(settings)}
    lacks = _lacks(settings)
    well = (
        "possible; no database of this version says whether pipeline and model are there."
        if lacks is None
        else "ready."
    )
    for project in sorted(settings.projects):
        for name, rule in sorted(settings.projects[project].rules.items()):
            finding = wrong.get((project, name)) or (lacks or {}).get((project, name))
            says = well if finding is None else f"{finding.message} ({finding.code})"
            times = rule.when.times().next_after(time.time()) if isinstance(rule.when, Schedule) else None
            click.echo(f"{project}/{name}: {says}" + (f" Next at {_moment(times)}." if times else ""))
    if not any(of_project.rules for of_project in settings.projects.values()):
        click.echo("No project of handoff.yaml has a rule.")
    if wrong:
        raise SystemExit(1)


def _lacks(settings: "Settings") -> "dict[tuple[str, str], Finding] | None":
    """What rules still lack in the database, as a pipeline; None when there is none, or one of another version."""
    from handoff.database.migrate import require_current
    from handoff.database.open import open_database
    from handoff.errors import StartError
    from handoff.home import ResearchHome
    from handoff.rules.check import lacking

    home = ResearchHome.of(settings.home)
    if settings.database_url is None and not home.database.exists():
        return None
    database = open_database(settings, home)
    try:
        require_current(database)
        with database.read() as session:
            named = [(project, name) for project in settings.projects for name in settings.rules_in(project)]
            found = {each: lacking(session, settings, *each) for each in named}
    except StartError:
        return None
    finally:
        database.close()
    return {each: finding for each, finding in found.items() if finding is not None}
