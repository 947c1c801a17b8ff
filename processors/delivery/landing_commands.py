"""`sluice landing`."""

import getpass
import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.delivery.held import Held
    from processors.delivery.workplace import Workplace

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_BY = click.option("--by", default=getpass.getuser, show_default="your account", help="Who says so, for the record.")


@click.group(invoke_without_command=True)
@_JSON
@home_option
@click.pass_context
def landing(context: click.Context, *, as_json: bool, home: Path) -> None:
    """Show what lies in the landing, what it waits for, and when the disk will be full.

    Every acknowledged object lies in the landing until its destinations have it by a signed receipt, and then for the
    days of `retention` in sluice.yaml. What no destination will ever confirm waits for a person: `sluice landing held`
    lists it, `release` and `end` decide. docs/landing.md explains states and reasons.
    """
    if context.invoked_subcommand is not None:
        return
    from processors.delivery.landing_picture import draw, to_json
    from processors.landing.layout import Layout
    from processors.ledger.occupancy import look
    from processors.ledger.schema import connect_readonly
    from processors.site import Site

    site = Site.load(home / "trusted")
    with closing(connect_readonly(site.ledger)) as ledger:
        now = time.time()
        found = look(
            ledger,
            Layout(site.landing),
            reserve=site.reserve_mb << 20,
            keeps_packages=site.retention.packages == "with-originals",
            now=now,
        )
    if as_json:
        click.echo(json.dumps(to_json(found, now), indent=2))
    else:
        draw(found, now)


@landing.command()
@click.option(
    "--dry-run/--now",
    default=True,
    show_default=True,
    help="Only say what may go now, or remove it instead of waiting for the next sweep.",
)
@_JSON
@home_option
def sweep(*, dry_run: bool, as_json: bool, home: Path) -> None:
    """Say, or remove, what every destination has confirmed and what has stayed its days.

    The announcer does the same every ten minutes. Nothing that is not confirmed, or ended by a person, is ever removed.
    """
    from processors.delivery import retention

    place = _place(home)
    found = list(retention.ripe(place))
    if not dry_run:
        for each in found:
            retention.sweep(place, each.delivery_id)
    place.close()
    done = "may go" if dry_run else "removed"
    size, instances = sum(each.size for each in found), sum(each.instances for each in found)
    if as_json:
        facts = {"deliveries": len(found), "instances": instances, "bytes": size, "removed": not dry_run}
        click.echo(json.dumps(facts | {"ids": [each.delivery_id for each in found]}))
        return
    click.echo(f"{len(found)} deliveries {done}: {instances} originals, {size / 1e6:,.1f} MB.")
    if found and dry_run:
        click.echo("`sluice landing sweep --now` removes them; else the next sweep does.")


@landing.command("held")
@click.option("--reason", help="Only what waits for this reason, or for one that begins so.")
@_JSON
@home_option
def list_held(*, reason: str | None, as_json: bool, home: Path) -> None:
    """List what waits for a person, oldest first. Says nothing of patients."""
    from processors.delivery.held import waiting

    place = _place(home)
    found = [each for each in waiting(place.ledger) if (each.reason or "").startswith(reason or "")]
    now = place.clock()
    place.close()
    for each in found:
        days = (now - each.sealed_at) / 86400
        said = f"{each.id}  {each.reason}  from {each.calling_ae or '?'}, {days:.1f} days"
        told = f"{said}, {each.instances} instances, {each.size / 1e6:,.1f} MB"
        click.echo(json.dumps(asdict(each)) if as_json else told)
    if not found and not as_json:
        click.echo("Nothing waits for a person.")


@landing.command()
@click.argument("ids", nargs=-1, metavar="[ID...]")
@click.option("--reason", help="Instead of ids: all that waits for this reason, or for one that begins so.")
@_BY
@home_option
def release(*, ids: tuple[str, ...], reason: str | None, by: str, home: Path) -> None:
    """Let what waits go on: ask rules and vault again, or send a refused package again. Exit 1 if some stays."""
    from processors.delivery import held

    _act(home, ids, reason, lambda place, each: held.release(place, each, by), "released")


@landing.command()
@click.argument("ids", nargs=-1, metavar="[ID...]")
@click.option("--waiting", "reason", metavar="REASON", help="Instead of ids: all that waits for this reason.")
@click.option("--reason", "why", required=True, help="Why nobody wants it: a word or two, without a patient's name.")
@_BY
@home_option
def end(*, ids: tuple[str, ...], reason: str | None, why: str, by: str, home: Path) -> None:
    """End what waits: it goes nowhere, counts as discarded, and leaves the landing after its days."""
    from processors.delivery import held

    _act(home, ids, reason, lambda place, each: held.end(place, each, why, by), "ended")


@landing.command("variants")
@click.option("--all", "decided", is_flag=True, help="Also those of which somebody said which version counts.")
@_JSON
@home_option
def list_variants(*, decided: bool, as_json: bool, home: Path) -> None:
    """List instances that came with different bytes under one UID. UIDs are the original ones: they may be PHI.

    Every version was acknowledged, is kept, and was delivered under its revision; the highest counts in the research
    zone. Their originals stay until `sluice landing pick` says which one counts, unless the site lets the newest count.
    """
    from processors.ledger import variants

    place = _place(home)
    for uid in variants.uids(place.ledger, decided=decided):
        found = variants.of_uid(place.ledger, uid)
        if found is None:
            continue
        if as_json:
            click.echo(json.dumps(asdict(found) | {"decided": found.is_decided, "counts": found.counts}))
            continue
        click.echo(f"{uid}  revision {found.counts} counts{'' if found.is_decided else ', as nobody decided'}")
        for each in found.versions:
            here = (place.delivery_folder(each.delivery_id) / each.file).is_file()
            lies = f"{each.delivery_id}/{each.file}" if here else "its original has left the landing"
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(each.received_at))
            state = f", {each.reason}" if each.reason else ""
            click.echo(
                f"  {each.revision}  {when}  {each.calling_ae}  {each.digest[:12]}  {each.size} B{state}  {lies}"
            )
    place.close()


@landing.command()
@click.argument("sop_instance_uid", metavar="UID")
@click.option("--revision", type=click.IntRange(1), required=True, help="The version that counts.")
@click.option("--reason", required=True, help="Why: a word or two, without a patient's name.")
@_BY
@home_option
def pick(*, sop_instance_uid: str, revision: int, reason: str, by: str, home: Path) -> None:
    """Say which version of an instance counts. If a later one came, it is delivered again, as the highest revision."""
    from processors.delivery.again import pick as choose

    place = _place(home)
    decision = choose(place, sop_instance_uid, revision, reason, by)
    place.close()
    if decision.revision == revision:
        click.echo(f"Revision {revision} counts; it is the highest, so nothing is sent.")
    else:
        click.echo(f"Revision {revision} counts; it is delivered again as revision {decision.revision}.")


def _place(home: Path) -> "Workplace":
    from processors.delivery.workplace import Workplace
    from processors.site import Site

    return Workplace(Site.load(home / "trusted"))


def _act(
    home: Path, ids: tuple[str, ...], reason: str | None, act: "Callable[[Workplace, Held], Any]", said: str
) -> None:
    """Write a person's word on each thing; go on where one refuses, and exit 1 then."""
    from processors.delivery.errors import DeliveryError, NotHeldError
    from processors.delivery.held import waiting

    if bool(ids) == bool(reason):
        raise click.UsageError("give ids, or the reason of what is meant")
    place = _place(home)
    found = {each.id: each for each in waiting(place.ledger) if reason is None or each.reason.startswith(reason)}
    stays = False
    for id_ in ids or tuple(found):
        try:
            if id_ not in found:
                raise NotHeldError(f"{id_} does not wait for a person.")
            act(place, found[id_])
            click.echo(json.dumps({"event": said, "id": id_}))
        except DeliveryError as error:
            click.echo(f"{id_}: {error} {error.remedy}", err=True)
            stays = True
    place.close()
    if stays:
        sys.exit(1)
