"""`sluice batch pull`."""

from pathlib import Path

import click

from handoff.cli.connection import Asking, asking
from handoff.cli.identifiers import whole

_DIGEST = 64


@click.command()
@click.argument("batch")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--volumes", is_flag=True, help="Bring the volumes of the newest preparing run along.")
@asking
def pull(asking: Asking, batch: str, folder: Path, *, volumes: bool) -> None:
    """Bring BATCH to FOLDER on this machine; each file is compared with its digest.

    The same command again goes on where it was interrupted. `ml.datasets.pulled.PulledBatch` reads the folder as a
    dataset of torch.
    """
    with asking.client() as client:
        found = client.batch(whole(batch, _DIGEST, lambda starts: client.batches(starts=starts)))
        if volumes and not found.prepared_by:
            raise click.UsageError("The batch was not prepared, so there are no volumes.")
        prepared_by = found.prepared_by[-1] if volumes else None
        lines = client.pull_batch(found.id, folder, prepared_by=prepared_by, say=_say)
    click.echo(lines)


def _say(done: int, of_all: int) -> None:
    click.echo(f"\r{done} of {of_all} files", nl=done == of_all, err=True)
