"""`sluice handoff`: the service, and workers beside it."""

from pathlib import Path

import click

from handoff.operations.commands import backup, restore, verify

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SLUICE_HOME",
    default=Path(".sluice"),
    show_default=True,
    help="Where everything lies; the handoff's part is research/.",
)

_FILE = click.Path(path_type=Path, dir_okay=False)
_END_RUNS = click.option(
    "--end-runs", is_flag=True, help="At the end cancel the runs too; else they go on, and the next worker finds them."
)


@click.group()
def handoff() -> None:
    """Serve the handoff, work for it, back it up and restore it."""


@handoff.command()
@_HOME
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--worker/--no-worker", default=True, show_default=True, help="Start a worker for the target local.")
@_END_RUNS
@click.option("--certificate", type=_FILE, help="PEM file of the service's certificate and its chain; then it is TLS.")
@click.option("--key", type=_FILE, help="PEM file of the certificate's key, mode 0600.")
@click.option("--client-ca", type=_FILE, help="PEM file of authorities; every client must bring a certificate of one.")
def serve(
    home: Path,
    host: str,
    port: int,
    *,
    worker: bool,
    end_runs: bool,
    certificate: Path | None,
    key: Path | None,
    client_ca: Path | None,
) -> None:
    """Serve the HTTP API; prints one JSON line when it listens."""
    from handoff.access.tls import TlsFiles, server_context
    from handoff.logs import configure_logs
    from handoff.serve import listen
    from handoff.serve import serve as run
    from handoff.service import Service
    from handoff.settings import Settings

    configure_logs()
    settings = Settings.load(home)
    files = TlsFiles.of(certificate, key, client_ca)
    tls = None if files is None else server_context(files)
    bound = listen(host, port)
    target = "local" if worker and "local" in settings.targets else None
    run(Service.open(settings), bound, worker_target=target, end_runs=end_runs, tls=tls)


@handoff.command()
@_HOME
@click.option("--target", required=True, help="The target of handoff.yaml to work for.")
@click.option("--python", type=click.Path(path_type=Path, dir_okay=False), help="The ML environment's interpreter.")
@click.option("--until-stdin-closes", is_flag=True, hidden=True, help="End with the process that holds our stdin.")
@click.option("--take-over", is_flag=True, help="Take the target though its runs were in another home, now gone.")
@_END_RUNS
def worker(
    home: Path, target: str, python: Path | None, *, until_stdin_closes: bool, take_over: bool, end_runs: bool
) -> None:
    """Make runs of accepted handoffs, until SIGTERM."""
    from handoff.errors import StartError
    from handoff.handoffs.hold import Waiting
    from handoff.handoffs.worker import run_worker
    from handoff.logs import configure_logs
    from handoff.settings import Settings
    from handoff.stop import stop_event
    from handoff.targets import LocalTarget

    configure_logs()
    settings = Settings.load(home)
    if target not in settings.targets:
        message = f"The target {target} is not in handoff.yaml."
        raise StartError(message, code="target", remedy=f"Known targets: {', '.join(sorted(settings.targets))}.")
    chosen = settings.targets[target]
    if python is not None:
        if not isinstance(chosen, LocalTarget):
            raise StartError("Only a target of kfp-local has an interpreter.", code="target", remedy="Omit --python.")
        chosen = chosen.model_copy(update={"python": python.absolute()})
    waiting = Waiting(stop_event(stdin=until_stdin_closes), standby=until_stdin_closes, take_over=take_over)
    run_worker(settings, target, chosen, waiting, end_runs=end_runs)


@handoff.command()
@_HOME
def link(home: Path) -> None:
    """Print a link that signs one browser in, once and within the hour, as the administrator of this handoff."""
    from handoff.access.once import OnceOnly, link_url
    from handoff.database.migrate import require_current
    from handoff.database.open import open_database
    from handoff.errors import StartError
    from handoff.home import ResearchHome
    from handoff.settings import Settings

    settings = Settings.load(home)
    research = ResearchHome.of(home)
    if settings.pages.url is None and not research.url.exists():
        raise StartError("No service has started on this home yet.", remedy="Start `sluice handoff serve` once.")
    database = open_database(settings, research)
    try:
        require_current(database)
        secret = OnceOnly(database).make_link()
    finally:
        database.close()
    click.echo(link_url(settings.pages.url or research.url.read_text("ascii").strip(), secret))


@handoff.group()
def target() -> None:
    """Look at the targets of handoff.yaml."""


@target.command()
@_HOME
@click.argument("name")
def check(home: Path, name: str) -> None:
    """Say in plain words whether the target NAME could run something now, and what to do if not."""
    from handoff.backends.check import check_target
    from handoff.errors import StartError
    from handoff.settings import Settings

    settings = Settings.load(home)
    if name not in settings.targets:
        message = f"The target {name} is not in handoff.yaml."
        raise StartError(message, code="target", remedy=f"Known targets: {', '.join(sorted(settings.targets))}.")
    checked = check_target(settings, name, settings.targets[name])
    for line in checked.lines:
        click.echo(line)
    if not checked.ok:
        raise SystemExit(1)


for command in (backup, restore, verify):
    handoff.add_command(command)


if __name__ == "__main__":
    handoff()
