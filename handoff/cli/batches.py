"""`sluice batches`."""

from typing import Literal, cast

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.identifiers import short, whole
from handoff.cli.pull import pull
from handoff.cli.table import ID_ALONE, LIMIT, Column, say_list, say_one
from handoff.client import HandoffClient
from handoff.schemas.batches import BatchItem, BatchRequest, BatchView, ChosenStudies

Selection = Literal["annotated", "unannotated", "labelled", "all"]
_DIGEST = 64
_COLUMNS: tuple[Column[BatchItem], ...] = (
    Column("batch", lambda batch: short(batch.id)),
    Column("project", lambda batch: batch.project),
    Column("studies", lambda batch: batch.studies),
    Column("instances", lambda batch: batch.instances),
    Column("annotations", lambda batch: batch.annotations),
    Column("labels", lambda batch: batch.labels),
    Column("patients", lambda batch: batch.patients),
    Column("prepared", lambda batch: bool(batch.prepared_by)),
)


@click.group()
def batches() -> None:
    """Form immutable data sets of complete studies, and look at them.

    A batch is named by the digest of its content, so the same content is the same batch. The first letters of an id
    are enough.
    """


@batches.command("list")
@click.option("--project", help="Of this project alone.")
@LIMIT
@asking
def list_(asking: Asking, project: str | None, most: int | None) -> None:
    """List batches, the newest first."""
    with asking.client() as client:
        none = "No batch was formed yet: `sluice batches form PROJECT`."
        say_list(client.batches(project), _COLUMNS, as_json=asking.as_json, most=most, none=none)


@batches.command()
@click.argument("batch")
@asking
def show(asking: Asking, batch: str) -> None:
    """Show one BATCH: what is in it, and what is not."""
    with asking.client() as client:
        _say(client.batch(find_batch(client, batch)), as_json=asking.as_json)


@batches.command()
@click.argument("project")
@click.option(
    "--select",
    "selected",
    type=click.Choice(["annotated", "unannotated", "labelled", "all"]),
    default="all",
    show_default=True,
    help="Which complete studies: by drawn annotations, by imported labels, or all.",
)
@click.option("--study", "studies", multiple=True, metavar="UID", help="These alone, by their pseudonymous UID.")
@click.option("--spec-digest", help="The preparing spec that the batch is meant for.")
@click.option("--test-percent", type=click.IntRange(0, 100), default=25, show_default=True, help="Of the patients.")
@click.option("--key-epoch", help="Only studies under pseudonyms of this key epoch; a batch of two is refused.")
@ID_ALONE
@asking
def form(
    *,
    asking: Asking,
    id_alone: bool,
    project: str,
    selected: str,
    studies: tuple[str, ...],
    spec_digest: str | None,
    test_percent: int,
    key_epoch: str | None,
) -> None:
    """Form a batch of complete studies of PROJECT.

    The same content is the same batch.
    """
    chosen = ChosenStudies(studies=studies) if studies else cast("Selection", selected)
    request = BatchRequest(
        project=project, select=chosen, spec_digest=spec_digest, test_percent=test_percent, key_epoch=key_epoch
    )
    with asking.client() as client:
        batch = client.form_batch(request)
    if id_alone:
        click.echo(batch.id)
        return
    _say(batch, as_json=asking.as_json)


batches.add_command(pull)


def find_batch(client: HandoffClient, given: str) -> str:
    """The id of a batch by its first letters.

    Raises:
        UnclearIdError: no batch starts so, or more than one.
    """
    return whole(given, _DIGEST, lambda starts: client.batches(starts=starts))


def _say(batch: BatchView, *, as_json: bool) -> None:
    facts = (
        ("batch", batch.id),
        ("project", batch.project),
        ("studies", batch.studies),
        ("instances", batch.instances),
        ("annotations", batch.annotations),
        ("labels", {source: sum(names.values()) for source, names in batch.label_counts.items()}),
        ("patients", batch.patients),
        ("left out", tuple(f"{left.study} ({left.reason})" for left in batch.left_out)),
        ("unresolved references", batch.unresolved_references or None),
        ("prepared by", batch.prepared_by),
        ("lines", batch.uri),
    )
    say_one(batch, facts, as_json=as_json)
