"""`sluice handoff`: the service, and workers beside it."""

from pathlib import Path

import click

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SLUICE_HOME",
    default=Path(".sluice"),
    show_default=True,
    help="Where everything lies; the handoff's part is research/.",
)


@click.group()
def handoff() -> None:
    """Serve the handoff, or work for it."""


@handoff.command()
@_HOME
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
def serve(home: Path, host: str, port: int) -> None:
    """Serve the HTTP API; prints one JSON line when it listens."""
    from handoff.logs import configure_logs
    from handoff.serve import listen
    from handoff.serve import serve as run
    from handoff.service import Service
    from handoff.settings import Settings

    configure_logs()
    settings = Settings.load(home)
    bound = listen(host, port)
    run(Service.open(settings), bound)


if __name__ == "__main__":
    handoff()
