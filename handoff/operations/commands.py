"""`sluice handoff backup`, `restore` and `verify`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from handoff.home import ResearchHome
    from handoff.operations.record import Trouble

_HOME = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SLUICE_HOME",
    default=Path(".sluice"),
    show_default=True,
    help="Where everything lies; the handoff's part is research/.",
)
_FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@_HOME
@_FOLDER
@click.option("--files/--no-files", default=True, help="Copy the store's files, or only list them.")
@click.option(
    "--like",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="An earlier backup on the same disk; what it has is linked, not copied.",
)
@click.option(
    "--keep-days", type=click.IntRange(1), help="How long it will be kept; certificates of withdrawals say so."
)
@_JSON
def backup(home: Path, folder: Path, like: Path | None, keep_days: int | None, *, files: bool, as_json: bool) -> None:
    """Back up rows, files, keys and settings into FOLDER while the service goes on.

    FOLDER holds the keys and tokens of the home: keep it as safe as that. Exit code 1: something could not be saved.
    """
    from handoff.database.open import open_database
    from handoff.home import ResearchHome
    from handoff.logs import configure_logs
    from handoff.operations.backup import back_up
    from handoff.settings import Settings
    from handoff.store.make import open_store

    configure_logs()
    settings = Settings.load(home)
    place = _served(settings.database_url, ResearchHome.of(home))
    database = open_database(settings, place)
    try:
        record = back_up(
            settings, database, open_store(settings, place), folder, files=files, like=like, keep_days=keep_days
        )
    finally:
        database.close()
    if as_json:
        click.echo(record.model_dump_json())
    else:
        rows = sum(record.rows.values())
        click.echo(f"{rows} rows and {record.files} files ({record.bytes / 2**20:.1f} MiB) are in {folder}.")
    _tell(record.trouble)


@click.command()
@_HOME
@_FOLDER
@_JSON
def restore(home: Path, folder: Path, *, as_json: bool) -> None:
    """Restore the backup in FOLDER into an empty home; only once the home that it came from is gone for good.

    A handoff.yaml in the new home counts more than the backup's, so that it may name another database or store.
    """
    from handoff.logs import configure_logs
    from handoff.operations.restore import restore as run

    configure_logs()
    record = run(folder, home)
    if as_json:
        click.echo(record.model_dump_json())
    else:
        rows = sum(record.rows.values())
        click.echo(f"{rows} rows and {record.files} files are back in {home}, as they were counted.")
    _tell(record.trouble)


@click.command()
@_HOME
@click.option("--digests", is_flag=True, help="Read every file and compare its SHA-256.")
@_JSON
def verify(home: Path, *, digests: bool, as_json: bool) -> None:
    """Say whether every file that the rows name is in the store. Exit code 1: one is not."""
    import json

    from handoff.database.open import open_database
    from handoff.home import ResearchHome
    from handoff.logs import configure_logs
    from handoff.operations.verify import verify as run
    from handoff.settings import Settings
    from handoff.store.make import open_store

    configure_logs()
    settings = Settings.load(home)
    place = _served(settings.database_url, ResearchHome.of(home))
    database = open_database(settings, place)
    try:
        found = run(database, open_store(settings, place), digests=digests)
    finally:
        database.close()
    if as_json:
        click.echo(json.dumps({"files": found.files, "trouble": [item.plain() for item in found.trouble]}))
    else:
        click.echo(f"{found.files} files are named by rows; {len(found.trouble)} are not as named.")
    _tell(found.trouble)


def _served(database_url: str | None, home: "ResearchHome") -> "ResearchHome":
    """A home that is there; looking at one must not make it."""
    from handoff.errors import StartError

    if not home.root.exists() or (database_url is None and not home.database.exists()):
        message = f"{home.root} was never served."
        raise StartError(message, code="home", remedy="Name the --home of a handoff.")
    return home


def _tell(trouble: "Sequence[Trouble]") -> None:
    for item in trouble:
        click.echo(f"{item.what}: {item.place} {item.path}", err=True)
    if trouble:
        raise SystemExit(1)
