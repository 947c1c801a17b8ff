"""The lines of a batch by kind, and the bytes of one instance of a package."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

from pydantic import ValidationError
from pydicom import Dataset

from handoff.contract.batch import BATCH_LINE, InstanceLine, LabelLine, VolumeLine, read_batch
from ml.datasets.packages import read_members
from ml.errors import BatchError
from ml.files import opened
from ml.preprocessing.slices import read_dataset


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's lines, in the order of the file.

    Attributes:
        images: Instances that are no annotation.
        annotations: Ground truth, as instances.
        volumes: Prepared volumes; empty before the batch was prepared.
        labels: Ground truth, as values of patients, studies, series and instances.
    """

    images: tuple[InstanceLine, ...]
    annotations: tuple[InstanceLine, ...]
    volumes: tuple[VolumeLine, ...]
    labels: tuple[LabelLine, ...] = ()

    def images_by_series(self) -> dict[str, list[InstanceLine]]:
        """Images of each SeriesInstanceUID; one series may come in several packages."""
        series: dict[str, list[InstanceLine]] = defaultdict(list)
        for line in self.images:
            series[line.series].append(line)
        return dict(series)

    def labels_by_target(self) -> dict[tuple[str, str], list[LabelLine]]:
        """Labels by their level and the pseudonym of what they say something of."""
        targets: dict[tuple[str, str], list[LabelLine]] = defaultdict(list)
        for line in self.labels:
            target = line.sop_instance_uid or line.series or line.study or line.patient
            targets[line.level, target].append(line)
        return dict(targets)


def load_batch(batch_uri: str) -> Batch:
    """Read the lines of a batch.

    Raises:
        BatchError: The file is missing or a line is not what the contract says.
    """
    try:
        content = opened(batch_uri)
        if isinstance(content, BytesIO):
            lines = tuple(BATCH_LINE.validate_json(line) for line in content)
        else:
            lines = tuple(read_batch(content))
    except (OSError, ValidationError) as error:
        raise BatchError("the lines of the batch cannot be read.") from error
    instances = [line for line in lines if isinstance(line, InstanceLine)]
    return Batch(
        images=tuple(line for line in instances if not line.annotation),
        annotations=tuple(line for line in instances if line.annotation),
        volumes=tuple(line for line in lines if isinstance(line, VolumeLine)),
        labels=tuple(line for line in lines if isinstance(line, LabelLine)),
    )


def read_datasets(lines: Iterable[InstanceLine]) -> Iterator[Dataset]:
    """Parse the instances of some lines, each package opened once.

    Raises:
        BatchError: A package or member is missing, or a data set is not the one that its line names.
    """
    by_package: dict[str, list[InstanceLine]] = defaultdict(list)
    for line in lines:
        by_package[line.package].append(line)
    for package, members in by_package.items():
        by_name = {line.member: line for line in members}
        for name, part10 in read_members(package, list(by_name)):
            yield _checked(part10, by_name[name])


def _checked(part10: bytes, line: InstanceLine) -> Dataset:
    """Parse an instance whose encoded data set has the digest that the batch promises."""
    if hashlib.sha256(memoryview(part10)[data_set_offset(part10) :]).hexdigest() != line.digest:
        raise BatchError("an instance is not the one that the batch names: its digest differs.")
    return read_dataset(part10)


def data_set_offset(part10: bytes) -> int:
    """Where the data set begins: after preamble, prefix and file meta group (PS3.10 7.1).

    Raises:
        BatchError: The bytes do not begin with a file meta group that says its length.
    """
    # (0002,0000) UL, explicit VR little endian, always first: tag, VR, length 4, value.
    if part10[128:132] != b"DICM" or part10[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        raise BatchError("an instance of a package has no file meta group.")
    return 144 + int.from_bytes(part10[140:144], "little")
