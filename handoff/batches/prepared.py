"""A prepared batch: the lines of the batch and, after them, the volumes that one preparing run made."""

from collections.abc import Iterable, Iterator, Sequence

from handoff.batches.split import split_of
from handoff.contract.batch import VolumeLine
from handoff.contract.canonical import canonical_json
from handoff.contract.result import PreparedVolume
from handoff.database.tables import Batch
from handoff.store import Store
from handoff.store.store import batch_path, prepared_path


def write_prepared(
    store: Store, batch: Batch, prepare_key: str, spec_digest: str, volumes: Sequence[PreparedVolume]
) -> None:
    """Write the lines durably; writing them again gives the same bytes."""
    lines = _lines(store.files.read(batch_path(batch.id)), batch, spec_digest, volumes)
    store.files.write(prepared_path(batch.id, prepare_key), lines)


def _lines(
    instances: Iterable[bytes], batch: Batch, spec_digest: str, volumes: Sequence[PreparedVolume]
) -> Iterator[bytes]:
    yield from instances
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
