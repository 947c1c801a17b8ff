"""`sluice nifi`: the embedded NiFi and NiFi Registry."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nifi.progress import Report

if TYPE_CHECKING:
    from nifi.distribution.side_by_side import Start
    from nifi.distribution.state import Running

home_option = click.option(
    "--home",
    envvar="SLUICE_HOME",
    default=".sluice",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The home.",
)


@click.group()
def nifi() -> None:
    """Install, start, stop and look at the embedded Apache NiFi."""


@nifi.command()
@home_option
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Of the canvas and REST API; 0 for any free one."
)
@click.option("--registry", is_flag=True, help="Start NiFi Registry too, where releases are published.")
@click.option("--registry-port", default=0, type=click.IntRange(0, 65535), help="Of the Registry; 0 for any free one.")
@click.option("--registry-alone", is_flag=True, help="Start NiFi Registry and no NiFi.")
def up(home: Path, port: int, registry_port: int, *, registry: bool, registry_alone: bool) -> None:
    """Start NiFi on loopback, installing it first where that is needed."""
    from nifi.distribution.launch import find, start
    from nifi.distribution.registry import find_registry, start_registry
    from nifi.distribution.side_by_side import all_of

    starts: dict[str, Start] = {}
    if not registry_alone and find(home) is None:
        starts["NiFi"] = lambda report: start(home, port=port, report=report)
    if (registry or registry_alone) and find_registry(home) is None:
        starts["NiFi Registry"] = lambda report: start_registry(home, port=registry_port, report=report)
    with shown_progress() as report:
        all_of(list(starts.values()), report)
    if not registry_alone:
        _say_up("NiFi", find(home), new="NiFi" in starts)
    if registry or registry_alone:
        _say_up("NiFi Registry", find_registry(home), new="NiFi Registry" in starts)


def _say_up(name: str, running: "Running | None", *, new: bool) -> None:
    if running:
        click.echo(f"{name} {'is up' if new else 'runs already'}: {running.canvas} (pid {running.pid})")


@nifi.command()
@home_option
def down(home: Path) -> None:
    """Stop NiFi with all its processors, and NiFi Registry where it runs."""
    from nifi.distribution.launch import stop
    from nifi.distribution.registry import stop_registry

    click.echo("NiFi is down." if stop(home) else "NiFi does not run.")
    if stop_registry(home):
        click.echo("NiFi Registry is down.")


@nifi.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def status(home: Path, *, as_json: bool) -> None:
    """Say whether NiFi and NiFi Registry run, where, and whether they are healthy.

    Exit 1 unless NiFi is healthy, and so is the Registry if it was started and not stopped.
    """
    from nifi.distribution.cache import cache_folder
    from nifi.distribution.service import healthy
    from nifi.distribution.state import RunningNiFi, RunningRegistry

    def facts_of(kind: "type[Running]") -> dict[str, object]:
        running = kind.load(home)
        return {
            "running": running is not None,
            "healthy": running is not None and healthy(running),
            "url": running.canvas if running else None,
            "pid": running.pid if running else None,
        }

    wants_registry = RunningRegistry.last(home) is not None
    registry = facts_of(RunningRegistry)
    facts = {**facts_of(RunningNiFi), "home": str(home.resolve()), "cache": str(cache_folder())}
    if as_json:
        click.echo(json.dumps({**facts, "registry": registry}))
    else:
        shown = facts | {f"registry {name}": value for name, value in registry.items()}
        for name, value in shown.items():
            click.echo(f"{name:16} {value if value is not None else '-'}")
    if not facts["healthy"] or (wants_registry and not registry["healthy"]):
        raise click.exceptions.Exit(1)


@nifi.command("nar")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the NAR.")
def nar_command(out: Path) -> None:
    """Build the NAR of the Python processors with all that they need."""
    from nifi.nar import build

    with shown_progress() as report:
        built = build(out, report)
    click.echo(f"{built.file} {built.digest}")


@contextlib.contextmanager
def shown_progress() -> Iterator[Report]:
    """A bar on a terminal, where there is one; elsewhere one line for each new step, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=None, amount="")
        seen: set[str] = set()

        def report(what: str, done: int = 0, total: int = 0) -> None:
            step = what.partition(" (")[0]
            if not console.is_terminal and step not in seen:
                seen.add(step)
                console.print(step)
            amount = f"{done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else ""
            progress.update(bar, description=what, completed=done, total=total or None, amount=amount)

        yield report
