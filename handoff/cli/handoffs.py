"""`sluice handoffs`."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, cast

import click
from pydantic import JsonValue

from handoff.cli.batches import find_batch
from handoff.cli.connection import Asking, asking
from handoff.cli.follow import follow_to_the_end
from handoff.cli.identifiers import short, whole
from handoff.cli.parameters import read_parameters
from handoff.cli.table import ID_ALONE, LIMIT, Column, say_list, say_one
from handoff.client import HandoffClient
from handoff.handoffs.state import State
from handoff.schemas.handoffs import HandoffView

Kind = Literal["prepare", "train", "infer"]
_ID = 32
_COLUMNS: tuple[Column[HandoffView], ...] = (
    Column("handoff", lambda handoff: short(handoff.id)),
    Column("kind", lambda handoff: handoff.kind),
    Column("project", lambda handoff: handoff.project),
    Column("pipeline", lambda handoff: handoff.pipeline),
    Column("batch", lambda handoff: short(handoff.batch)),
    Column("target", lambda handoff: handoff.target),
    Column("state", lambda handoff: str(handoff.state)),
    Column("reason", lambda handoff: handoff.reason),
    Column("made", lambda handoff: handoff.made_model),
)


@click.group()
def handoffs() -> None:
    """Decide that something runs, and follow it to its end.

    A handoff becomes exactly one run, and the same decision is the same handoff. The first letters of an id are enough.
    `follow`, `new --follow` and `rerun --follow` exit 0 only if the run SUCCEEDED.
    """


@handoffs.command("list")
@click.option("--project", help="Of this project alone.")
@click.option("--state", type=click.Choice([state.value for state in State], case_sensitive=False), help="In it alone.")
@click.option("--batch", help="Of this batch alone.")
@LIMIT
@asking
def list_(*, asking: Asking, project: str | None, state: str | None, batch: str | None, most: int | None) -> None:
    """List handoffs, the newest first."""
    with asking.client() as client:
        found = client.handoffs(project, state, batch and find_batch(client, batch))
        none = "No handoff yet: `sluice handoffs new prepare BATCH --pipeline NAME`."
        say_list(found, _COLUMNS, as_json=asking.as_json, most=most, none=none)


@handoffs.command()
@click.argument("handoff")
@asking
def show(asking: Asking, handoff: str) -> None:
    """Show one HANDOFF: what was decided, where it is, and what became of it."""
    with asking.client() as client:
        view = client.handoff(find_handoff(client, handoff))
    say_one(view, _facts(view), as_json=asking.as_json)


@handoffs.command()
@click.argument("kind", type=click.Choice(["prepare", "train", "infer"]))
@click.argument("batch")
@click.option("--pipeline", help="A name, meaning its newest version, or a version. Default: the kind.")
@click.option("--target", default="local", show_default=True, help="Where it runs; `sluice targets list` has them.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A parameter; as often as needed.")
@click.option("--model", help="name:version, to infer with.")
@click.option("--follow", is_flag=True, help="Stay until it ended; exit 0 only if it SUCCEEDED.")
@ID_ALONE
@asking
def new(
    *,
    asking: Asking,
    id_alone: bool,
    kind: str,
    batch: str,
    pipeline: str | None,
    target: str,
    given: tuple[str, ...],
    model: str | None,
    follow: bool,
) -> None:
    """Decide that a pipeline runs on BATCH. Train and infer need a batch that a handoff prepared."""
    with asking.client() as client:
        parameters: dict[str, JsonValue] = {}
        if given:
            parameters = read_parameters(given, client.pipeline(pipeline or kind).inputs)
        view = client.hand_off(
            kind=cast("Kind", kind),
            batch=find_batch(client, batch),
            pipeline=pipeline or kind,
            target=target,
            parameters=parameters,
            model=model,
        )
        _then(asking, client, view, follow=follow, id_alone=id_alone)


@handoffs.command()
@click.argument("handoff")
@asking
def follow(asking: Asking, handoff: str) -> None:
    """Tell each event of HANDOFF until it ended; exit 0 only if it SUCCEEDED. Survives a restart of the service."""
    with asking.client() as client:
        view = client.handoff(find_handoff(client, handoff))
        _then(asking, client, view, follow=True)


@handoffs.command()
@click.argument("handoff")
@asking
def logs(asking: Asking, handoff: str) -> None:
    """Print what the run of HANDOFF printed so far."""
    with asking.client() as client:
        click.echo(client.logs(find_handoff(client, handoff)), nl=False)


@handoffs.command()
@click.argument("handoff")
@asking
def cancel(asking: Asking, handoff: str) -> None:
    """End HANDOFF: at once if nothing runs yet, else as soon as its worker looks."""
    with asking.client() as client:
        view = client.cancel(find_handoff(client, handoff))
    say_one(view, _facts(view), as_json=asking.as_json)


@handoffs.command()
@click.argument("handoff")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@asking
def fetch(asking: Asking, handoff: str, folder: Path) -> None:
    """Bring the result of HANDOFF to FOLDER, every digest checked; what is there already is not fetched again."""
    with asking.client() as client:
        view = client.handoff(find_handoff(client, handoff))
        for file in view.files:
            fetched = client.save_result_file(view.id, file, folder / file.path)
            click.echo(f"{'fetched' if fetched else 'there'} {folder / file.path}")
    if not view.files:
        click.echo(f"The handoff is {view.state} and has no result.", err=True)
        sys.exit(1)


def find_handoff(client: HandoffClient, given: str) -> str:
    """The id of a handoff by its first letters.

    Raises:
        UnclearIdError: no handoff starts so, or more than one.
    """
    return whole(given, _ID, lambda starts: client.handoffs(starts=starts))


def _then(asking: Asking, client: HandoffClient, view: HandoffView, *, follow: bool, id_alone: bool = False) -> None:
    """Follow it, if that was asked; say what it is at the end."""
    if follow:
        view = follow_to_the_end(client, view, say=not asking.as_json and not id_alone)
    if id_alone:
        click.echo(view.id)
    else:
        say_one(view, _facts(view), as_json=asking.as_json)
    if follow and view.state is not State.SUCCEEDED:
        sys.exit(1)


def _facts(view: HandoffView) -> Iterable[tuple[str, object]]:
    return (
        ("handoff", view.id),
        ("kind", view.kind),
        ("project", view.project),
        ("batch", view.batch),
        ("pipeline", f"{view.pipeline} {short(view.pipeline_version)}"),
        ("parameters", view.parameters),
        ("model", view.model),
        ("target", view.target),
        ("state", str(view.state)),
        ("reason", view.reason),
        ("sent", f"{view.attempts} times" if view.attempts > 1 else None),
        ("run", view.reference),
        ("metrics", view.metrics),
        ("made model", view.made_model),
        ("files", f"{len(view.files)} below {view.result_uri}" if view.files else None),
        ("events", tuple(f"{time.strftime('%H:%M:%S', time.localtime(e.at))} {e.event}" for e in view.events)),
    )
