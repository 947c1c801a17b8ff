"""`sluice nifi` and `sluice flows`: the embedded NiFi, and the flows of a release on any NiFi."""

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
@_home
def down(home: Path) -> None:
    """Stop NiFi with all its processors, and NiFi Registry where it runs."""
    from nifi.distribution.launch import stop
    from nifi.distribution.registry import stop_registry

    click.echo("NiFi is down." if stop(home) else "NiFi does not run.")
    if stop_registry(home):
        click.echo("NiFi Registry is down.")


@nifi.command()
@_home
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


_url = click.option("--url", help="Of NiFi; without it the home's embedded one.")


@click.group()
def flows() -> None:
    """Lint, deploy and compare the flows of a release."""


@flows.command("lint")
def lint_command() -> None:
    """Check the committed flows; exit 1 on any finding."""
    from nifi.releases.flow import read_flows
    from nifi.releases.lint import lint

    findings = lint()
    for finding in findings:
        click.echo(str(finding))
    click.echo(f"{len(read_flows())} flows, {len(findings)} findings")
    if findings:
        raise click.exceptions.Exit(1)


@flows.command("deploy")
@_home
@_url
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A parameter; repeatable.")
@click.option("--secret-file", "secrets", multiple=True, metavar="NAME=FILE", help="A parameter read from a file.")
@click.option("--stopped", is_flag=True, help="Do not start the flows.")
def deploy_command(
    home: Path, url: str | None, assignments: tuple[str, ...], secrets: tuple[str, ...], *, stopped: bool
) -> None:
    """Bring a NiFi to this release: NAR, parameters, flows. Doing it again changes nothing.

    The trusted home, and the token and key of a handoff in the same home, need not be given.
    """
    from nifi.nar import build
    from nifi.releases.deploy import deploy
    from nifi.releases.lint import require_clean

    require_clean()
    given = _known_of(home) | _pairs(assignments)
    given |= {name: _read_secret(file) for name, file in _pairs(secrets).items()}
    with shown_progress() as report:
        nar = build(report=report)
        done = deploy(_nifi_url(home, url), given, nar, start_flows=not stopped, report=report)
    click.echo(f"release {done.release}")
    click.echo(f"changed {', '.join(done.changed) or 'nothing'}")


@flows.command("status")
@_home
@_url
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def flows_status(home: Path, url: str | None, *, as_json: bool) -> None:
    """Show each processor's state and what waits in each queue; exit 1 unless all run."""
    from nifi.releases.status import status_of

    found = status_of(_nifi_url(home, url))
    click.echo(json.dumps(found.as_json()) if as_json else found.as_text())
    if not found.running:
        raise click.exceptions.Exit(1)


@flows.command("diff")
@_home
@_url
def diff_command(home: Path, url: str | None) -> None:
    """Show what on the canvas differs from the committed flows; exit 1 if anything does."""
    from nifi.releases.compare import differences
    from nifi.rest import NiFi

    with NiFi(_nifi_url(home, url)) as api:
        found = differences(api)
    for each in found:
        click.echo(f"{each.flow}: {each.component}: {each.field}: {each.released!r} released, {each.live!r} live")
    click.echo(f"{len(found)} differences")
    if found:
        raise click.exceptions.Exit(1)


@flows.command("start")
@_home
@_url
def start_command(home: Path, url: str | None) -> None:
    """Start all flows."""
    _schedule(_nifi_url(home, url), run=True)


@flows.command("stop")
@_home
@_url
def stop_command(home: Path, url: str | None) -> None:
    """Stop all flows, and return once no task is at work; queues stay as they are."""
    _schedule(_nifi_url(home, url), run=False)


def _schedule(url: str, *, run: bool) -> None:
    from nifi.releases.flow import read_assembly
    from nifi.releases.groups import require_parent
    from nifi.releases.schedule import start, stop
    from nifi.rest import NiFi

    with NiFi(url) as api:
        (start if run else stop)(api, require_parent(api, read_assembly().group))
    click.echo("The flows run." if run else "The flows stand still.")


def _nifi_url(home: Path, url: str | None) -> str:
    from nifi.distribution.launch import find
    from nifi.errors import UnreachableError

    if url:
        return url
    running = find(home)
    if running is None:
        message = f"No NiFi runs in {home}."
        raise UnreachableError(message)
    return running.url


def _known_of(home: Path) -> dict[str, str]:
    """What the home itself tells: where its trusted part is, and the token of a handoff that lives beside it."""
    known = {"trusted.home": str((home / "trusted").resolve())}
    token = home / "research" / "token"
    if token.exists():
        known["handoff.token"] = token.read_text("utf-8").strip()
    return known


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not equals:
            message = f"{name!r} is not NAME=VALUE"
            raise click.UsageError(message)
    return {name: value for name, _, value in pairs}


def _read_secret(file: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror})"
        raise click.UsageError(message) from error
