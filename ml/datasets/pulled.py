"""A batch that was pulled to this machine, as a dataset of torch.

```
from torch.utils.data import DataLoader
from ml.datasets.pulled import PulledBatch
for image, facts in DataLoader(PulledBatch("lungs", split="train"), batch_size=None): ...
```
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import torch
from torch.utils.data import Dataset

from handoff.contract.batch import InstanceLine, LabelLine, Split
from ml.datasets.batch import Batch, load_batch, read_datasets
from ml.errors import BatchError

LOCAL = "local.jsonl"
"""What `sluice batch pull` writes: the lines with the places of this machine."""
Facts = dict[str, str | dict[str, str | int | float | bool]]


class PulledBatch(Dataset[tuple[torch.Tensor, Facts]]):
    """The images of a pulled batch, one instance an item, in the order of the lines.

    An item is the image as float32, channels first (1 or frames, rows, columns), with its rescale slope and intercept
    applied; and what is known of it: patient, study, series, sop_instance_uid, modality, split, and `labels`, by name
    the value of itself, else of its series, its study or its patient.

    Args:
        folder: what was pulled to.
        split: only this side; both when None.

    Raises:
        BatchError: nothing was pulled to the folder, or not to its end.
    """

    def __init__(self, folder: str | Path, split: Split | None = None) -> None:
        lines = Path(folder).resolve() / LOCAL
        if not lines.is_file():
            raise BatchError("no batch was pulled to this folder, or not to its end: `sluice batch pull ID FOLDER`.")
        self.batch: Batch = load_batch(lines.as_uri())
        self.lines = [line for line in self.batch.images if split in {None, line.split}]

    def __len__(self) -> int:
        """How many images."""
        return len(self.lines)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, Facts]:
        """One image, whose digest was compared, and its facts.

        Raises:
            BatchError: its package is gone or is not what was pulled.
        """
        line = self.lines[index]
        (dataset,) = read_datasets([line])
        pixels = torch.from_numpy(dataset.pixel_array.astype("float32"))
        slope, intercept = (float(dataset.get(name, whole)) for name, whole in _RESCALE.items())
        image = pixels * slope + intercept
        return image if image.ndim > 2 else image[None], self._facts(line)

    def _facts(self, line: InstanceLine) -> Facts:
        labels: dict[str, str | int | float | bool] = {}
        targets = (("patient", line.patient), ("study", line.study), ("series", line.series))
        for target in (*targets, ("instance", line.sop_instance_uid)):  # the nearest one is written last
            labels.update({label.name: label.value for label in self._labels.get(target, ())})
        named = ("patient", "study", "series", "sop_instance_uid", "modality", "split")
        return {**{name: getattr(line, name) for name in named}, "labels": labels}

    @cached_property
    def _labels(self) -> Mapping[tuple[str, str], list[LabelLine]]:
        return self.batch.labels_by_target()


_RESCALE = {"RescaleSlope": 1.0, "RescaleIntercept": 0.0}
