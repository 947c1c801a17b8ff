"""`sluice handoffs`."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import cast, get_args

import click
from pydantic import JsonValue

from handoff.cli.batches import find_batch
from handoff.cli.connection import Asking, asking
from handoff.cli.follow import follow_to_the_end, print_output, told
from handoff.cli.identifiers import short, whole
from handoff.cli.parameters import read_parameters
from handoff.cli.table import ID_ALONE, LIMIT, Column, say_list, say_one
from handoff.client import HandoffClient
from handoff.contract.result import RunKind
from handoff.handoffs.state import State
from handoff.schemas.handoffs import ArtifactView, HandoffView

_ID = 32
_COLUMNS: tuple[Column[HandoffView], ...] = (
    Column("handoff", lambda handoff: short(handoff.id)),
    Column("kind", lambda handoff: handoff.kind),
    Column("project", lambda handoff: handoff.project),
    Column("pipeline", lambda handoff: handoff.pipeline),
    Column("batch", lambda handoff: short(handoff.batch)),
    Column("target", lambda handoff: handoff.target),
    Column("state", lambda handoff: str(handoff.state)),
    Column("queue", lambda handoff: handoff.queue_position),
    Column("reason", lambda handoff: handoff.reason or handoff.waits_for),
    Column("made", lambda handoff: handoff.made_model),
)
_ARTIFACTS: tuple[Column[ArtifactView], ...] = (
    Column("artifact", lambda artifact: artifact.path),
    Column("bytes", lambda artifact: artifact.size),
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
@click.option("--dead-letters", is_flag=True, help="Those alone that `retry` sends again.")
@LIMIT
@asking
def list_(
    *,
    asking: Asking,
    project: str | None,
    state: str | None,
    batch: str | None,
    dead_letters: bool,
    most: int | None,
) -> None:
    """List handoffs, the newest first."""
    with asking.client() as client:
        chosen = batch and find_batch(client, batch)
        found = client.handoffs(project, state, chosen, dead_letters=dead_letters)
        none = "No handoff yet: `sluice handoffs new prepare BATCH --pipeline NAME`."
        say_list(found, _COLUMNS, as_json=asking.as_json, most=most, none=none)


@handoffs.command()
@click.argument("handoff")
@asking
def show(asking: Asking, handoff: str) -> None:
    """Show one HANDOFF.

    What was decided, where it is, and what became of it.
    """
    with asking.client() as client:
        view = client.handoff(find_handoff(client, handoff))
    say_one(view, _facts(view), as_json=asking.as_json)


@handoffs.command()
@click.argument("kind", type=click.Choice(get_args(RunKind)))
@click.argument("batch")
@click.option("--pipeline", help="A name, meaning its newest version, or a version. Default: the kind.")
@click.option("--target", default="local", show_default=True, help="Where it runs; `sluice targets list` has them.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A parameter; as often as needed.")
@click.option("--model", help="name:version or name@alias: to retrain, to evaluate, or to infer with.")
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
    """Decide that a pipeline runs on BATCH. All but prepare need a batch that a handoff prepared."""
    with asking.client() as client:
        parameters: dict[str, JsonValue] = {}
        if given:
            parameters = read_parameters(given, client.pipeline(pipeline or kind).inputs)
        view = client.hand_off(
            kind=cast("RunKind", kind),
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
    """Tell each event of HANDOFF until it ended.

    Exits 0 only if it SUCCEEDED. A restart of the service is waited for.
    """
    with asking.client() as client:
        view = client.handoff(find_handoff(client, handoff))
        _then(asking, client, view, follow=True)


@handoffs.command()
@click.argument("handoff")
@click.option("--tail", type=click.IntRange(0, 100_000), help="Only so many lines, the last ones.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@asking
def logs(*, asking: Asking, handoff: str, tail: int | None, follow: bool) -> None:
    """Print what the run of HANDOFF printed."""
    with asking.client() as client:
        print_output(client, find_handoff(client, handoff), tail=tail, follow=follow)


@handoffs.command()
@click.argument("handoff")
@asking
def cancel(asking: Asking, handoff: str) -> None:
    """End HANDOFF.

    At once if nothing runs yet, else as soon as its worker looks.
    """
    with asking.client() as client:
        view = client.cancel(find_handoff(client, handoff))
    say_one(view, _facts(view), as_json=asking.as_json)


@handoffs.command()
@click.argument("handoff")
@asking
def retry(asking: Asking, handoff: str) -> None:
    """Send the dead letter HANDOFF again.

    It stays the same handoff, for no engine ever had its run.
    """
    with asking.client() as client:
        view = client.retry(find_handoff(client, handoff))
    say_one(view, _facts(view), as_json=asking.as_json)


@handoffs.command()
@click.argument("handoff")
@click.option("--reason", required=True, help="Why; it is kept. The same reason again is the same rerun.")
@click.option("--follow", is_flag=True, help="Stay until it ended; exit 0 only if it SUCCEEDED.")
@ID_ALONE
@asking
def rerun(*, asking: Asking, handoff: str, reason: str, follow: bool, id_alone: bool) -> None:
    """Let HANDOFF, which ended, run once more.

    It is a new handoff, which says of which and why.
    """
    with asking.client() as client:
        view = client.rerun(find_handoff(client, handoff), reason)
        _then(asking, client, view, follow=follow, id_alone=id_alone)


@handoffs.command()
@click.argument("handoff")
@LIMIT
@asking
def artifacts(*, asking: Asking, handoff: str, most: int | None) -> None:
    """List what the steps of HANDOFF left behind.

    Files for each other or for people; `fetch` brings the result itself.
    """
    with asking.client() as client:
        found = client.artifacts(find_handoff(client, handoff))
        say_list(found, _ARTIFACTS, as_json=asking.as_json, most=most, none="Its steps left nothing.")


@handoffs.command()
@click.argument("handoff")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@asking
def fetch(asking: Asking, handoff: str, folder: Path) -> None:
    """Bring the result of HANDOFF to FOLDER.

    Every digest is checked, and what is there already is not fetched again.
    """
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
        view = follow_to_the_end(client, view.id, say=not asking.as_json and not id_alone)
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
        ("target", f"{view.target} of {view.pool}" if view.pool not in (None, view.target) else view.target),
        ("state", str(view.state)),
        ("reason", view.reason),
        ("dead letter", "yes: `sluice handoffs retry` sends it again" if view.dead_letter else None),
        ("queue", view.queue_position),
        ("waits for", view.waits_for),
        ("again of", f"{view.rerun_of}: {view.rerun_reason}" if view.rerun_of else None),
        ("asked by", view.asked_by),
        ("sent", f"{view.attempts} times" if view.attempts > 1 else None),
        ("run", view.reference),
        ("metrics", view.metrics),
        ("made model", view.made_model),
        ("files", f"{len(view.files)} below {view.result_uri}" if view.files else None),
        ("events", tuple(map(told, view.events))),
    )
