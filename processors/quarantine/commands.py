"""`sluice quarantine`."""

import json
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.delivery.workplace import Workplace

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
_TOKEN = click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file with your own token; else SLUICE_TRUSTED_TOKEN, else you are asked.",
)
_WHY = click.option("--why", required=True, help="Why, for the record: a word or two, without a patient's name.")


@click.group()
def quarantine() -> None:
    """Look at what de-identification withheld, and decide about it: treat it again, or end it.

    Nothing leaves as it came. To release means that the engine treats the original again, with boxes that two people
    want masked, by another profile, or as it is now that an extra or a rule is there; verifier and audit record look at
    it like at everything. The first person asks with `release`, another one approves; `sluice trusted accounts` makes
    the accounts that tell people apart. Each word is in the audit record. docs/quarantine.md says more.
    """


@quarantine.command("list")
@click.option("--project", help="Only of this project.")
@click.option("--reason", help="Only what was withheld for this reason.")
@click.option("--summary", is_flag=True, help="Count reasons instead.")
@_JSON
@home_option
def list_waiting(*, project: str | None, reason: str | None, summary: bool, as_json: bool, home: Path) -> None:
    """List what was withheld and waits, oldest first. Says nothing of patients."""
    from processors.quarantine.items import sentence, waiting
    from processors.quarantine.wishes import wish_of

    place = _place(home)
    found = waiting(place.ledger, project=project, reason=reason)
    if summary:
        for (of, code), count in sorted(Counter((each.project, each.reason) for each in found).items()):
            said = {"project": of, "reason": code, "instances": count}
            click.echo(json.dumps(said) if as_json else f"{count:>7,}  {of}  {code}: {sentence(code)}")
    else:
        for each in found:
            wish = wish_of(place, each)
            if as_json:
                click.echo(json.dumps(asdict(each) | {"id": each.id, "asked_by": wish.by if wish else None}))
                continue
            days = (place.clock() - each.received_at) / 86400
            asked = f", {wish.by} asks to release it" if wish else ""
            click.echo(f"{each.id}  {each.project}  {each.reason}, {days:.1f} days{asked}")
    if not found and not as_json:
        click.echo("Nothing waits in quarantine.")
    place.close()


@quarantine.command()
@click.argument("item", metavar="ID")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Write the first frame here, as PNG.")
@click.option("--frame", type=click.IntRange(1), default=1, show_default=True, help="Which frame --picture means.")
@_TOKEN
@_JSON
@home_option
def show(*, item: str, picture: Path | None, frame: int, token_file: Path | None, as_json: bool, home: Path) -> None:
    """Say all that is known of one withheld instance: reason, remedies, and what somebody asked for.

    --picture shows a patient, so it takes your token and is in the audit record.
    """
    from processors.quarantine.items import find, sentence
    from processors.quarantine.looks import look
    from processors.quarantine.wishes import wish_of

    place = _place(home)
    found = find(place.ledger, item)
    wish = wish_of(place, found)
    if picture:
        content = look(place, found, _principal(place, token_file)).png(frame - 1)
        picture.touch(mode=0o600)
        picture.chmod(0o600)  # of one that was there
        picture.write_bytes(content)
    facts = asdict(found) | {"id": found.id, "says": sentence(found.reason)}
    asked = {"by": wish.by, "digest": wish.decision.digest, **wish.decision.model_dump()} if wish else None
    if as_json:
        click.echo(json.dumps(facts | {"asked": asked}))
    else:
        for name, value in facts.items():
            click.echo(f"{name:<14} {value}")
        if wish:
            click.echo(f"asked by       {wish.by}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(wish.at))}")
            for mask in wish.decision.masks:
                click.echo(f"  mask         {mask.left},{mask.top},{mask.width},{mask.height}")
            click.echo(f"  profile      {wish.decision.profile or 'as before'}")
            click.echo(f"  digest       {wish.decision.digest}")
    place.close()


@quarantine.command()
@click.argument("item", metavar="ID")
@click.option("--mask", "masks", multiple=True, metavar="LEFT,TOP,WIDTH,HEIGHT", help="Pixels to make black, again.")
@click.option("--profile", help="Treat it by this profile instead.")
@_WHY
@_TOKEN
@home_option
def release(
    *, item: str, masks: tuple[str, ...], profile: str | None, why: str, token_file: Path | None, home: Path
) -> None:
    """Ask that an instance is treated again: the first person's word. Prints the digest that a second one approves."""
    from processors.quarantine.decision import Decision
    from processors.quarantine.items import find
    from processors.quarantine.wishes import ask

    with _speaking(home, token_file) as (place, by):
        wish = ask(place, find(place.ledger, item), Decision.of_words(masks, profile), by, why)
    click.echo(f"{wish.item}: {by} asks. Another person looks, and says:")
    click.echo(f"sluice quarantine approve {wish.item} --digest {wish.decision.digest}")


@quarantine.command()
@click.argument("item", metavar="ID")
@click.option("--digest", required=True, help="Of the decision that you saw in `sluice quarantine show`.")
@_TOKEN
@home_option
def approve(*, item: str, digest: str, token_file: Path | None, home: Path) -> None:
    """Approve what another person asked for: the second word. The original is then treated again as they said."""
    from processors.quarantine.items import find
    from processors.quarantine.wishes import approve as approved

    with _speaking(home, token_file) as (place, by):
        approved(place, find(place.ledger, item), by, digest)
    click.echo(f"{item}: approved by {by}. It is treated again; if it is withheld again, it waits again.")


@quarantine.command()
@click.argument("item", metavar="ID")
@_WHY
@_TOKEN
@home_option
def reject(*, item: str, why: str, token_file: Path | None, home: Path) -> None:
    """End it: it goes nowhere, counts as discarded, and leaves the landing after its days. Takes one person."""
    from processors.quarantine.items import find
    from processors.quarantine.wishes import reject as rejected

    with _speaking(home, token_file) as (place, by):
        rejected(place, find(place.ledger, item), by, why)
    click.echo(f"{item}: rejected by {by}.")


def _place(home: Path) -> "Workplace":
    from processors.delivery.workplace import Workplace
    from processors.site import Site

    return Workplace(Site.load(home / "trusted"))


@contextmanager
def _speaking(home: Path, token_file: Path | None) -> "Iterator[tuple[Workplace, str]]":
    """The trusted home, and who says what is said in it."""
    with closing(_place(home)) as place:
        yield place, _principal(place, token_file)


def _principal(place: "Workplace", token_file: Path | None) -> str:
    import os

    from processors.quarantine.signed_in import principal

    return principal(place, os.environ.get("SLUICE_TRUSTED_TOKEN"), token_file)
