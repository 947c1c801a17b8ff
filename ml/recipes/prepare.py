"""Series to volumes, behind the geometry gate.

Steps: 1 group the images by series; 2 gate and resample each; 3 store the volume; 4 write the index and the report.
A series that the gate rejects is named in the report with its reason and keeps nothing else from being prepared.
"""

import json
from pathlib import Path

from handoff.contract.batch import InstanceLine
from handoff.contract.result import PreparedVolume
from ml.datasets.batch import Batch, load_batch, read_datasets
from ml.errors import EmptyBatchError, SeriesError
from ml.preprocessing.spec import Spec, load_spec
from ml.preprocessing.store import write_volume
from ml.preprocessing.volume import volume_of
from ml.recipes.outcome import Outcome, begin, write_outcome, write_report, write_text


def make_volumes(batch_uri: str, result_uri: str, spec_name: str) -> None:
    """Prepare every series of a batch that passes the gate.

    Raises:
        BatchError: The batch or a package cannot be read.
        EmptyBatchError: Not one series passed; the reasons are in the report.
    """
    spec = load_spec(spec_name)
    batch = load_batch(batch_uri)
    with begin(result_uri) as folder:
        volumes, rejected, set_aside = _prepare_all(batch, folder, result_uri, spec)
        report: dict[str, object] = {
            "spec": spec.model_dump(mode="json", by_alias=True),
            "spec_digest": spec.digest,
            "volumes": len(volumes),
            "rejected": rejected,
            "set_aside": set_aside,
        }
        write_report(folder, report)
        if not volumes:
            reasons = ", ".join(sorted({entry["reason"] for entry in rejected})) or "no image"
            raise EmptyBatchError(f"not one series of the batch can become a volume: {reasons}.")
        write_text(folder / "volumes.jsonl", "".join(_index_line(volume, spec) for volume in volumes))
        metrics = {"volumes": float(len(volumes)), "rejected": float(len(rejected))}
        write_outcome(folder, Outcome(kind="prepare", spec_digest=spec.digest, metrics=metrics, volumes=tuple(volumes)))


def _prepare_all(
    batch: Batch, folder: Path, result_uri: str, spec: Spec
) -> tuple[list[PreparedVolume], list[dict[str, str]], dict[str, dict[str, int]]]:
    """Volumes, rejections, and by series the count of instances set aside."""
    volumes: list[PreparedVolume] = []
    rejected: list[dict[str, str]] = []
    set_aside: dict[str, dict[str, int]] = {}
    for series, lines in sorted(batch.images_by_series().items()):
        try:
            volume, aside = _prepare(lines, folder, result_uri, spec)
        except SeriesError as rejection:
            first = lines[0]
            entry = {"patient": first.patient, "study": first.study, "series": series, "reason": rejection.reason}
            rejected.append(entry)
            continue
        volumes.append(volume)
        if aside:
            set_aside[series] = aside
    return volumes, rejected, set_aside


def _prepare(
    lines: list[InstanceLine], folder: Path, result_uri: str, spec: Spec
) -> tuple[PreparedVolume, dict[str, int]]:
    """One series; the line's identity is repeated, the pixels decide the digest."""
    first = lines[0]
    if any(line.modality != spec.modality for line in lines):
        raise SeriesError("modality", f"the spec is for {spec.modality}")
    if len({(line.patient, line.study) for line in lines}) > 1:
        raise SeriesError("mixed-series", "one series under several patients or studies")
    prepared = volume_of(read_datasets(lines), spec)
    path = folder / "volumes" / f"{first.series}.zarr"
    path.parent.mkdir(exist_ok=True)
    digest = write_volume(prepared.volume, path)
    volume = PreparedVolume(
        uri=f"{result_uri}/volumes/{path.name}",
        digest=digest,
        patient=first.patient,
        study=first.study,
        series=first.series,
    )
    return volume, prepared.set_aside


def _index_line(volume: PreparedVolume, spec: Spec) -> str:
    entry = volume.plain() | {"kind": "volume", "spec_digest": spec.digest}
    return json.dumps(entry, sort_keys=True) + "\n"
