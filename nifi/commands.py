"""`sluice nifi` and `sluice flows`: the embedded NiFi, and the flows of a release on any NiFi."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import click

from nifi.progress import Report

_home = click.option(
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
@_home
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Of the canvas and REST API; 0 for any free one."
)
def up(home: Path, port: int) -> None:
    """Start NiFi on loopback, installing it first where that is needed."""
    from nifi.distribution.launch import find, start

    if running := find(home):
        click.echo(f"NiFi runs already: {running.canvas} (pid {running.pid})")
        return
    with shown_progress() as report:
        running = start(home, port=port, report=report)
    click.echo(f"NiFi is up: {running.canvas} (pid {running.pid})")


@nifi.command()
@_home
def down(home: Path) -> None:
    """Stop NiFi with all its processors."""
    from nifi.distribution.launch import stop

    click.echo("NiFi is down." if stop(home) else "NiFi does not run.")


@nifi.command()
@_home
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def status(home: Path, *, as_json: bool) -> None:
    """Say whether NiFi runs, where, and whether it is healthy; exit 1 unless it is."""
    from nifi.distribution.cache import cache_folder
    from nifi.distribution.launch import find, healthy

    running = find(home)
    is_healthy = running is not None and healthy(running)
    facts = {
        "running": running is not None,
        "healthy": is_healthy,
        "url": running.canvas if running else None,
        "pid": running.pid if running else None,
        "home": str(home.resolve()),
        "cache": str(cache_folder()),
    }
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name:8} {value if value is not None else '-'}")
    if not is_healthy:
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
