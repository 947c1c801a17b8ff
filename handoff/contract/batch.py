"""The lines of `batch_uri`: JSON Lines, one instance, one label or one prepared volume each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, Modality, Pseudonym, StoreUri, Uid
from handoff.contract.labels import LabelName, LabelSource, LabelValue, Level

Split = Literal["train", "test"]


class InstanceLine(Document):
    """One instance of the batch, and where its bytes are."""

    kind: Literal["instance"] = "instance"
    package: StoreUri = Field(description="The package, a stored ZIP.")
    member: str = Field(description="The member of the package, a Part 10 file.")
    digest: Digest = Field(description="SHA-256 of the encoded data set, without preamble and file meta.")
    sop_instance_uid: Uid
    sop_class_uid: Uid
    patient: Pseudonym
    study: Uid = Field(description="StudyInstanceUID, pseudonymous.")
    series: Uid = Field(description="SeriesInstanceUID, pseudonymous.")
    modality: Modality
    annotation: bool = False
    references: tuple[Uid, ...] = ()
    split: Split


class LabelLine(Document):
    """One label of a patient, study, series or instance of the batch, and where it comes from."""

    kind: Literal["label"] = "label"
    level: Level
    patient: Pseudonym
    study: Uid | None = Field(None, description="StudyInstanceUID, pseudonymous; null at the level patient.")
    series: Uid | None = Field(None, description="SeriesInstanceUID, pseudonymous; at the levels series and instance.")
    sop_instance_uid: Uid | None = Field(None, description="Pseudonymous; at the level instance.")
    name: LabelName
    value: LabelValue
    source: LabelSource
    split: Split


class VolumeLine(Document):
    """One prepared volume; only in the lines of a prepared batch."""

    kind: Literal["volume"] = "volume"
    uri: StoreUri = Field(description="The Zarr v3 store.")
    digest: Digest = Field(description="Digest of the decoded values and the affine.")
    spec_digest: Digest = Field(description="Digest of the preparing spec that made it.")
    patient: Pseudonym
    study: Uid
    series: Uid
    split: Split


BatchLine = Annotated[InstanceLine | LabelLine | VolumeLine, Field(discriminator="kind")]
BATCH_LINE: TypeAdapter[InstanceLine | LabelLine | VolumeLine] = TypeAdapter(BatchLine)


def read_batch(path: Path) -> Iterator[InstanceLine | LabelLine | VolumeLine]:
    """Yield the lines of a batch in the order of the file, one at a time.

    Raises:
        pydantic.ValidationError: a line is not what the contract says.
    """
    with path.open("rb") as lines:
        for line in lines:
            yield BATCH_LINE.validate_json(line)
