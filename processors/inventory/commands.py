"""`sluice inventory`."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.inventory.books import Books
    from processors.inventory.look import Coverage
    from processors.site import Site

_PROJECT = click.option("--project", required=True, help="Whose packages are looked at.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def inventory() -> None:
    """See every text that left for a project, and how many of its patients are alike, before data is released.

    Packages are looked at as they lie in the landing, each once. Run it at least as often as packages leave the landing
    (`retention` in sluice.yaml): what left before anybody looked is named, and keeps the gate shut.
    """


@inventory.command()
@_PROJECT
@click.option("--all", "everything", is_flag=True, help="Also what was approved before.")
@_JSON
@home_option
def values(*, project: str, everything: bool, as_json: bool, home: Path) -> None:
    """List text values that left and nobody approved: attribute, value, how often, of how many patients.

    Exit 0 only if there is none, and every package was looked at: so it can stand before a release. `sluice inventory
    approve` takes the digest that is printed at the end. UIDs, dates, times and numbers are no text.
    """
    from processors.inventory.approval import digest_of, unapproved
    from processors.inventory.books import FEW
    from processors.inventory.text import called

    with _looked(home, project) as (books, coverage, _):
        seen = books.values(project)
    new = unapproved(seen)
    shown = seen if everything else new
    if as_json:
        listed = [{**each._asdict(), "attribute": called(each.tag)} for each in shown]
        facts = {"looked": coverage.looked, "new": coverage.new, "gone": list(coverage.gone)}
        click.echo(json.dumps(facts | {"values": listed, "unapproved": len(new), "digest": digest_of(new)}))
    else:
        for each in shown:
            of = f"{each.patients}{'+' if each.patients == FEW else ''}"
            fresh = "" if each.approved else "  new"
            click.echo(f"{called(each.tag):<32} {each.times:>9,}  {of:>3} patients{fresh}  {each.value!r}")
        click.echo(f"{coverage.looked:,} packages, {len(seen):,} values, {len(new):,} not approved.")
        for shipment in coverage.gone:
            click.echo(f"The package of shipment {shipment} left the landing before anybody looked.")
        if new:
            click.echo(f"digest {digest_of(new)}")
    sys.exit(1 if new or coverage.gone else 0)


@inventory.command()
@_PROJECT
@click.option("--digest", required=True, help="What `sluice inventory values` printed under the values that you saw.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your own token of the trusted zone, if not in SLUICE_TRUSTED_TOKEN; else it is asked for.",
)
@home_option
def approve(*, project: str, digest: str, token_file: Path | None, home: Path) -> None:
    """Let the values that were shown leave: two people say so, each with their own token; later values are new again.

    The first word waits, the second one approves. `sluice trusted accounts add NAME` makes a person's token. Both words
    go into the audit record.
    """
    from processors.delivery.workplace import Workplace
    from processors.inventory.approval import Desk
    from processors.inventory.approval import approve as approved
    from processors.quarantine.signed_in import principal

    with _looked(home, project) as (books, _, site):
        place = Workplace(site)
        by = principal(place, os.environ.get("SLUICE_TRUSTED_TOKEN"), token_file)
        desk = Desk(books, place.audit(project), site.audit, site.home, project)
        word = approved(desk, digest, by=by, now=time.time())
        place.close()
    if word.which == "second":
        click.echo(f"{word.values:,} values approved.")
    else:
        click.echo(
            f"{word.values:,} values: {by} approves. Another person looks, and says the same with their own token."
        )


@inventory.command()
@_PROJECT
@click.option("--k", type=click.IntRange(2), default=5, show_default=True, help="How many patients shall be alike.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the same as a page.")
@_JSON
@home_option
def anonymity(*, project: str, k: int, html: Path | None, as_json: bool, home: Path) -> None:
    """Say how many patients are alike in sex, age band, modality, body part, device, month and institution.

    The values are those that left: what the profile removed makes patients alike, and a moved month is the moved one.
    Exit 1 if some patient is in a class of fewer than K.
    """
    from processors.inventory.anonymity import report
    from processors.inventory.errors import NothingSeenError
    from processors.inventory.page import page, sentence

    with _looked(home, project) as (books, _, _):
        rows = books.likenesses(project)
    if not rows:
        raise NothingSeenError
    found = report(rows, k)
    if html:
        html.write_text(page(project, found), "utf-8")
    if as_json:
        click.echo(json.dumps(asdict(found) | {"share": found.share}))
    else:
        click.echo(sentence(found))
        most = max(classes for _, classes in found.sizes)
        for size, classes in found.sizes:
            click.echo(f"{size:>8} alike {'!' if size < k else ' '} {'█' * max(1, 40 * classes // most)} {classes:,}")
        for rare in found.rare:
            click.echo(f"rare: {rare.name} {rare.value!r}, {rare.patients} patients")
        for hint in found.hints:
            left = f"{hint.exposed:,} below {k}, smallest class {hint.smallest:,}"
            click.echo(f"without {', '.join(hint.without)}: {left}")
    sys.exit(1 if found.exposed else 0)


@contextmanager
def _looked(home: Path, project: str) -> "Iterator[tuple[Books, Coverage, Site]]":
    """The inventory after a look at what is new."""
    from processors.inventory.books import Books
    from processors.inventory.look import look
    from processors.landing.layout import Layout
    from processors.ledger.schema import connect_readonly
    from processors.site import Site

    site = Site.load(home / "trusted")
    with (
        closing(connect_readonly(site.ledger)) as ledger,
        closing(Books(site.home / "inventory.db")) as books,
        _bar() as progress,
    ):
        yield books, look(books, ledger, Layout(site.landing), project, progress), site


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("looking", total=None)
        yield lambda done, whole: progress.update(task, completed=done, total=whole)
