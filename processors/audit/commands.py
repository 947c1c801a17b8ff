"""`sluice audit verify`, `show` and `key`; `sluice.audit` puts them beside the handoff's list."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.audit.lines import Record
    from processors.audit.signer import Trusted
    from processors.site import Site

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


@click.command()
@click.option("--project", help="Only this project's chain; `_site` is that of accounts. By default all.")
@click.option("--public-key", multiple=True, metavar="HEX", help="Believe this key instead of the site's key file.")
@click.option("--ledger/--no-ledger", default=True, show_default=True, help="Whether the ledger is asked too.")
@_JSON
@home_option
def verify(*, project: str | None, public_key: tuple[str, ...], ledger: bool, as_json: bool, home: Path) -> None:
    """Find what was changed, lost, reordered or cut off in the record of what was treated. Exit 1 if anything was.

    Each record carries the digest of the one before, and each batch ends with a signature. The end of a chain has
    nothing after it that would miss it: that is what the ledger is asked for, which names every package that was made.
    Keep what is printed elsewhere from time to time: a chain that once had a digest has it for ever.
    """
    from processors.audit.lines import projects_of
    from processors.audit.verify import verify as follow
    from processors.audit.witnesses import Witnesses
    from processors.ledger.schema import connect_readonly

    site, whole = _site(home), True
    trusted = _trusted(site, public_key)
    known = sorted({*projects_of(site.audit), *(_shipped(site) if ledger else ())})
    projects = [_one_of(known, project)] if project else known
    with _bar(sum(_size(site, each) for each in projects)) as advance:
        for each in projects:
            witnesses = Witnesses()
            found = follow(site.audit, each, trusted, each=witnesses.hear, progress=advance)
            faults = list(found.faults)
            if ledger and site.ledger.is_file():
                with closing(connect_readonly(site.ledger)) as connection:
                    faults += witnesses.faults(connection, each)
            whole = whole and not faults
            said = {"project": each, "whole": not faults, "records": found.records, "heads": found.heads, "n": found.n}
            if as_json:
                told = [{"code": fault.code, "where": fault.where, "says": fault.says} for fault in faults]
                click.echo(json.dumps(said | {"digest": found.digest, "cut": found.cut, "faults": told}))
                continue
            click.echo(
                f"{each}: {'NOT ' if faults else ''}whole, {found.records:,} records, {found.heads:,} signatures"
            )
            click.echo(f"    record {found.n} has digest {found.digest}")
            for fault in faults:
                click.echo(f"    {fault.where}: {fault.code}: {fault.says}")
            altered = {fault.where for fault in faults}
            for name in (each for each in found.cut if each not in altered):
                click.echo(f"    {name}: what a crash cut off before it was signed; it counts for nothing")
    if not projects:
        click.echo("There is no record yet.")
    sys.exit(0 if whole else 1)


@click.command()
@click.option("--project", required=True, help="Whose chain; `_site` is that of accounts.")
@click.option("--day", metavar="YYYY-MM-DD", help="Only of this day (UTC).")
@click.option("--shipment", help="Only of this shipment.")
@click.option("--instance", help="Only of this SOP Instance UID, as the package has it.")
@click.option("--kind", help="Only of this kind: instance, package, decision, ...")
@click.option("--outcome", type=click.Choice(["passed", "withheld"]), help="Only instances that this became of.")
@_JSON
@home_option
def show(*, project: str, day: str | None, as_json: bool, home: Path, **equal: str | None) -> None:
    """Print records of one project, oldest first: what became of each instance, by which rules, and who decided what.

    They hold digests, counts, codes and pseudonymous UIDs, and no value of a patient. Nothing is verified here.
    """
    from processors.audit.lines import projects_of
    from processors.audit.reading import records

    root = _site(home).audit
    for record in records(root, _one_of(projects_of(root), project), day=day, **equal):
        click.echo(json.dumps(record, sort_keys=True) if as_json else _told(record))


@click.command()
@home_option
def key(*, home: Path) -> None:
    """Print the public keys of this record, one for each key epoch, to keep where the site cannot change them."""
    from dataclasses import replace

    from processors.audit.signer import Signer
    from processors.deid.keys import KeyFile

    keys = KeyFile.load(_site(home).key_file)
    for epoch in range(1, keys.epoch + 1):
        signer = Signer(replace(keys, epoch=epoch))
        click.echo(f"{signer.key} {signer.public}")


def _one_of(known: list[str], project: str) -> str:
    """A project of which there is a record, or must be.

    Raises:
        NoChainError: there is none.
    """
    from processors.audit.errors import NoChainError

    if project not in known:
        raise NoChainError(f"There is no record of a project {project!r}; there is one of: {', '.join(known) or '-'}.")
    return project


def _told(record: "Record") -> str:
    start = f"{record.get('n')}  {record.get('at')}  {record.get('kind')}"
    if record.get("kind") == "instance":
        counts = " ".join(f"{what}={times}" for what, times in record["actions"].items())
        became = record["reason"] or f"{record['instance']} {counts}"
        return f"{start}  {record['shipment']}/{record['file']}  {record['outcome']}  {became}"
    skipped = {"n", "at", "kind", "prev", "treatment"}
    return f"{start}  " + "  ".join(f"{name}={value}" for name, value in record.items() if name not in skipped)


def _site(home: Path) -> "Site":
    from processors.site import Site

    return Site.load(home / "trusted")


def _trusted(site: "Site", public_keys: tuple[str, ...]) -> "Trusted":
    from processors.audit.signer import Trusted
    from processors.deid.keys import KeyFile

    return Trusted.of_hex(list(public_keys)) if public_keys else Trusted.of_site(KeyFile.load(site.key_file))


def _shipped(site: "Site") -> list[str]:
    """Projects of which the ledger knows packages."""
    from processors.ledger.schema import connect_readonly

    if not site.ledger.is_file():
        return []
    with closing(connect_readonly(site.ledger)) as connection:
        rows = connection.execute("SELECT DISTINCT project FROM shipments WHERE passed IS NOT NULL")
        return [row["project"] for row in rows]


def _size(site: "Site", project: str) -> int:
    from processors.audit.lines import files_of

    return sum(file.stat().st_size for file in files_of(site.audit / project))


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """What to tell of bytes read: a bar where a person watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("verifying", total=total)
        yield lambda read: progress.advance(task, read)
