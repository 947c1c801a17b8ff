"""`sluice flows`: the flows of a release on any NiFi, in files, in Git and in NiFi Registry."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nifi.commands import home_option, shown_progress

if TYPE_CHECKING:
    from nifi.releases.release import Release

_url = click.option("--url", help="Of NiFi; without it the home's embedded one.")
_registry = click.option(
    "--registry", envvar="SLUICE_REGISTRY", help="URL of NiFi Registry; without it the home's embedded one."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def flows() -> None:
    """Lint, publish, deploy, compare and save the flows of a release."""


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


@flows.command("publish")
@home_option
@_registry
@click.option("--message", default="", help="Goes into the comment of each new version.")
@_as_json
def publish_command(home: Path, registry: str | None, message: str, *, as_json: bool) -> None:
    """Publish the committed flows in NiFi Registry, and read back what it made of them."""
    from nifi.nar import build
    from nifi.releases.lint import require_clean
    from nifi.releases.publish import publish
    from nifi.releases.release import release_of_files

    require_clean()
    with shown_progress() as report:
        done = publish(_require_registry(home, registry), release_of_files(), build(report=report), message, report)
    click.echo(json.dumps(done.as_json()) if as_json else done.as_text())


@flows.command("deploy")
@home_option
@_url
@_registry
@click.option(
    "--from", "origin", default="files", show_default=True, help="files, git:REVISION, registry or registry:VERSION."
)
@click.option("--discard", is_flag=True, help="Drop what somebody changed on the canvas.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A parameter; repeatable.")
@click.option("--secret-file", "secrets", multiple=True, metavar="NAME=FILE", help="A parameter read from a file.")
@click.option("--stopped", is_flag=True, help="Do not start the flows.")
def deploy_command(
    home: Path,
    url: str | None,
    *,
    registry: str | None,
    origin: str,
    assignments: tuple[str, ...],
    secrets: tuple[str, ...],
    discard: bool,
    stopped: bool,
) -> None:
    """Bring a NiFi to a release: NAR, parameters, flows. Doing it again changes nothing; an older one rolls back.

    The trusted home, and the token and key of a handoff in the same home, need not be given.
    """
    from nifi.nar import build
    from nifi.releases.deploy import deploy
    from nifi.releases.lint import require_clean
    from nifi.releases.release import FILES

    # What was published or committed was clean by the rules of its day.
    if origin == FILES:
        require_clean()
    release = _release(home, registry, origin)
    given = _known_of(home) | _pairs(assignments)
    given |= {name: _read_secret(file) for name, file in _pairs(secrets).items()}
    with shown_progress() as report:
        nar = build(report=report)
        done = deploy(
            _nifi_url(home, url),
            given,
            nar,
            release=release,
            start_flows=not stopped,
            discard=discard,
            registry_url=_registry_url(home, registry),
            report=report,
        )
    click.echo(f"release {done.release} from {release.origin}")
    click.echo(f"changed {', '.join(done.changed) or 'nothing'}")
    if release.nar_digest not in {"", nar.digest}:
        click.echo(
            f"It was published with other processors (NAR {release.nar_digest[:12]}); these are {nar.digest[:12]}."
        )


@flows.command("status")
@home_option
@_url
@_registry
@_as_json
def flows_status(home: Path, url: str | None, registry: str | None, *, as_json: bool) -> None:
    """Show releases, what was changed by hand, processors and queues; exit 1 unless all processors run."""
    from nifi.releases.status import status_of

    found = status_of(_nifi_url(home, url), _registry_url(home, registry))
    click.echo(json.dumps(found.as_json()) if as_json else found.as_text())
    if not found.running:
        raise click.exceptions.Exit(1)


@flows.command("diff")
@home_option
@_url
@_registry
@click.option(
    "--against", default="files", show_default=True, help="files, git:REVISION, registry or registry:VERSION."
)
@_as_json
def diff_command(home: Path, url: str | None, registry: str | None, against: str, *, as_json: bool) -> None:
    """Show what on the canvas differs from a release; exit 1 if anything does."""
    from dataclasses import asdict

    from nifi.releases.compare import differences
    from nifi.rest import NiFi

    release = _release(home, registry, against)
    with NiFi(_nifi_url(home, url)) as api:
        found = differences(api, release.flows)
    if as_json:
        click.echo(json.dumps({"against": release.origin, "differences": [asdict(each) for each in found]}))
    else:
        for each in found:
            click.echo(str(each))
        click.echo(f"{len(found)} differences")
    if found:
        raise click.exceptions.Exit(1)


@flows.command("save")
@home_option
@_url
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of buckets; without it the clone's nifi/flows.",
)
def save_command(home: Path, url: str | None, into: Path | None) -> None:
    """Bring what is on the canvas back into the flow files, to be reviewed, committed and published."""
    from nifi.releases.save import FLOWS, save

    done = save(_nifi_url(home, url), into or FLOWS)
    for file in done.files:
        click.echo(f"saved {file}")
    for finding in done.findings:
        click.echo(f"to mend before it can be deployed: {finding}")
    if not done.files:
        click.echo("Nothing to save: the files are what is on the canvas.")


@flows.command("start")
@home_option
@_url
def start_command(home: Path, url: str | None) -> None:
    """Start all flows."""
    _schedule(_nifi_url(home, url), run=True)


@flows.command("stop")
@home_option
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


def _registry_url(home: Path, url: str | None) -> str | None:
    from nifi.distribution.registry import find_registry

    running = None if url else find_registry(home)
    return running.url if running else url


def _require_registry(home: Path, url: str | None) -> str:
    from nifi.errors import NoRegistryError

    found = _registry_url(home, url)
    if found is None:
        message = f"No NiFi Registry runs in {home}."
        raise NoRegistryError(message)
    return found


def _release(home: Path, registry: str | None, origin: str) -> "Release":
    from nifi.releases.origin import read_origin

    wants_registry = origin.partition(":")[0] == "registry"
    try:
        return read_origin(origin, _require_registry(home, registry) if wants_registry else None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


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
