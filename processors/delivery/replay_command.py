"""`sluice keys replay`."""

import getpass
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from processors.home_option import home_option


@click.command()
@click.argument("project")
@home_option
@click.option("--most", type=click.IntRange(1), help="Queue so many shipments at most; run it again for the rest.")
@click.option("--by", default=getpass.getuser, show_default="your account", help="Who says so, for the record.")
@click.option(
    "--old-to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the shipments of earlier epochs that the handoff has, for `sluice withdrawals new --from`.",
)
def replay(project: str, home: Path, *, most: int | None, by: str, old_to: Path | None) -> None:
    """Queue what of PROJECT was treated in an earlier key epoch, and still lies in the landing, for the present one.

    Run it after `sluice keys epoch` and the start of NiFi. Each original is received once more, goes to PROJECT and
    nowhere else, is treated as its profile is now, and has pseudonyms and dates of the present epoch; decisions about
    what had been withheld hold again. Consent is asked anew, and what was withdrawn or ended stays so. Nothing says to
    the handoff which old shipment a new one repeats. Labels are of the old epoch: import them again afterwards.

    It may be interrupted; the same command goes on. The landing holds what is queued twice until it has left. Prints
    one JSON line: `replayed` shipments and `instances` of this run; `before`, of earlier ones; `unsettled`, on their
    way or held by a person; `gone`, whose originals have left the landing; `left`, for --most. Exit 1 while the same
    command has something left to do.
    """
    from dataclasses import asdict

    from processors.delivery.replay import old_shipments
    from processors.delivery.replay import replay as replayed
    from processors.delivery.workplace import Workplace
    from processors.site import Site

    place = Workplace(Site.load(home / "trusted"))
    with _counting() as advance:
        done = replayed(place, project, by, most, advance)
    if old_to is not None:
        old_to.write_text("".join(f"{each}\n" for each in old_shipments(place, project)))
    place.close()
    click.echo(json.dumps({"project": project, **asdict(done)}))
    sys.exit(1 if done.unsettled or done.left else 0)


@contextmanager
def _counting() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("shipments", total=None)
        yield lambda done, whole: progress.update(task, completed=done, total=whole)
