"""Prepared volumes joined with annotations by references and with labels by pseudonyms, split by patient."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handoff.contract.batch import InstanceLine, LabelLine, Split, VolumeLine
from ml.datasets.batch import Batch, read_datasets
from ml.errors import BatchError, LabelError, SpecError
from ml.files import volume_store
from ml.preprocessing.labels import Mask, mask_of, referenced_instances
from ml.preprocessing.resample import resample
from ml.preprocessing.spec import Spec
from ml.preprocessing.store import read_volume
from ml.preprocessing.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One volume and, where somebody drew it, the truth.

    Attributes:
        line: What the batch says of the volume.
        volume: On the spec's grid.
        truth: On the *source* grid (slices, rows, columns), or None where there is no annotation.
        labels: What was imported of its patient, study, series and slices, each value with its source.
    """

    line: VolumeLine
    volume: Volume
    truth: Mask | None
    labels: tuple[LabelLine, ...] = ()

    def label(self) -> npt.NDArray[np.float32]:
        """The truth on the volume's grid: the part of what each voxel covers that is lesion, 0 to 1."""
        assert self.truth is not None
        covered = resample(self.truth.astype(np.int16), self.volume.source, self.volume.grid)
        return covered.astype(np.float32)


def check_spec(batch: Batch, spec: Spec) -> None:
    """Refuse volumes of another transformation than the one this code would apply.

    Raises:
        SpecError: A volume of the batch was prepared with another spec.
        BatchError: The batch was never prepared.
    """
    if not batch.volumes:
        raise BatchError("the batch holds no prepared volumes.")
    if {line.spec_digest for line in batch.volumes} != {spec.digest}:
        raise SpecError("the batch was prepared with another spec.")


def check_split(lines: Iterable[VolumeLine]) -> None:
    """Refuse a split that puts one patient on both sides.

    Raises:
        BatchError: A patient is in train and in test.
    """
    sides: dict[str, set[str]] = {}
    for line in lines:
        sides.setdefault(line.patient, set()).add(line.split)
    if any(len(side) > 1 for side in sides.values()):
        raise BatchError("one patient is on both sides of the split.")


def cases_of(batch: Batch, spec: Spec, split: Split | None = None) -> Iterator[Case]:
    """Read each prepared volume of a batch and join it with its labels and the annotations that reference its slices.

    Args:
        batch: A prepared batch.
        spec: The spec that its volumes must have been prepared with.
        split: Only this side of the split; both when None.

    Raises:
        SpecError: A volume was prepared with another spec.
        BatchError: The batch is not prepared, or a volume is not the one that the batch names.
        LabelError: An annotation references a volume but cannot be laid over it.
    """
    check_spec(batch, spec)
    annotations = [(frozenset(line.references), line) for line in batch.annotations]
    labels = batch.labels_by_target()
    for line in batch.volumes:
        if split is not None and line.split != split:
            continue
        volume = read_volume(volume_store(line.uri), line.digest)
        if volume.spec_digest != spec.digest:
            raise SpecError("a volume was prepared with another spec than its batch says.")
        slices = frozenset(volume.sop_instance_uids)
        drawn = [annotation for references, annotation in annotations if references & slices]
        yield Case(line, volume, _truth(drawn, volume) if drawn else None, _labels(line, volume, labels))


def _labels(
    line: VolumeLine, volume: Volume, labels: Mapping[tuple[str, str], list[LabelLine]]
) -> tuple[LabelLine, ...]:
    """The labels of a volume, from its patient down to its slices; none of another patient."""
    targets = [("patient", line.patient), ("study", line.study), ("series", line.series)]
    targets += [("instance", uid) for uid in volume.sop_instance_uids]
    found = (label for target in targets for label in labels.get(target, ()))
    return tuple(label for label in found if label.patient == line.patient)


def _truth(annotations: Iterable[InstanceLine], volume: Volume) -> Mask:
    """The union of all annotations of one volume."""
    truth = np.zeros(volume.source.shape, dtype=bool)
    slices = frozenset(volume.sop_instance_uids)
    for segmentation in read_datasets(annotations):
        if not referenced_instances(segmentation) & slices:
            raise LabelError("label-unreferenced", "an annotation's frames do not reference what its line says")
        truth |= mask_of(segmentation, volume)
    return truth
