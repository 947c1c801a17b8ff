"""A prepared batch: the lines of the batch and, after them, the volumes that one preparing run made."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from handoff.batches.form import BATCH_FILE
from handoff.batches.split import split_of
from handoff.contract.batch import VolumeLine
from handoff.contract.canonical import canonical_json
from handoff.contract.result import PreparedVolume
from handoff.database.tables import Batch
from handoff.store import FolderStore, write_durably


def prepared_file(store: FolderStore, batch_id: str, prepare_key: str) -> Path:
    """Where the lines of a prepared batch lie, by the key of the handoff that prepared it."""
    return store.batch(batch_id) / f"prepared-{prepare_key}.jsonl"


def write_prepared(
    store: FolderStore, batch: Batch, prepare_key: str, spec_digest: str, volumes: Sequence[PreparedVolume]
) -> None:
    """Write the lines durably; writing them again gives the same bytes."""
    lines = _lines(store.batch(batch.id) / BATCH_FILE, batch, spec_digest, volumes)
    write_durably(prepared_file(store, batch.id, prepare_key), lines)


def _lines(instances: Path, batch: Batch, spec_digest: str, volumes: Sequence[PreparedVolume]) -> Iterator[bytes]:
    with instances.open("rb") as lines:
        yield from lines
    for volume in sorted(volumes, key=lambda item: (item.patient, item.study, item.series, item.uri)):
        line = VolumeLine(
            uri=volume.uri,
            digest=volume.digest,
            spec_digest=spec_digest,
            patient=volume.patient,
            study=volume.study,
            series=volume.series,
            split=split_of(batch.project, volume.patient, batch.test_percent),
        )
        yield canonical_json(line) + b"\n"
