"""What a pipeline's last step leaves as `<result_uri>/result.json`, by a temporary name and a rename."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, Pseudonym, RelativePath, StoreUri, Uid

RunKind = Literal["prepare", "train", "retrain", "evaluate", "infer"]
TRAINING: frozenset[RunKind] = frozenset({"train", "retrain"})
"""Kinds whose result is a model."""
WITH_MODEL: frozenset[RunKind] = frozenset({"retrain", "evaluate", "infer"})
"""Kinds that use a registered model: to begin with its weights, to judge it, to predict with it."""
RESULT_FILE = "result.json"
"""The name of the result below `result_uri`."""


class ResultFile(Document):
    """One file of the result; the handoff reads it again before it believes the run."""

    path: RelativePath = Field(description="Relative to result_uri.")
    sha256: Digest
    size: NonNegativeInt = Field(description="Bytes.")
    role: Literal["volume-index", "volume", "model", "segmentation", "report"]
    media_type: str = Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$", max_length=127)


class TrainedModel(Document):
    """The model that a training run made; the handoff gives it its version."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    file: RelativePath = Field(description="Path of a file of this result with the role model.")
    metrics: dict[str, float] = Field(default_factory=dict)


class PreparedVolume(Document):
    """One volume that a preparing run made of one series."""

    uri: StoreUri = Field(description="A Zarr store below result_uri.")
    digest: Digest = Field(description="Digest of the decoded values and the affine.")
    patient: Pseudonym
    study: Uid
    series: Uid


class Result(Document):
    """Everything a run made. Other files below `result_uri` do not exist for the handoff."""

    schema_: Literal["sluice.result/1"] = Field("sluice.result/1", alias="schema")
    handoff_key: Digest
    kind: RunKind
    files: tuple[ResultFile, ...]
    metrics: dict[str, float] = Field(default_factory=dict)
    spec_digest: Digest = Field(description="Digest of the preparing spec of the volumes made or read.")
    code_digest: Digest | None = Field(
        None, description="Digest of the code that the run imported; must be the registered one where it is said."
    )
    model: TrainedModel | None = None
    volumes: tuple[PreparedVolume, ...] = ()

    @model_validator(mode="after")
    def _names_only_its_own_files(self) -> Self:
        roles = {file.path: file.role for file in self.files}
        if len(roles) != len(self.files):
            message = "a path stands twice among the files"
            raise ValueError(message)
        if len({volume.uri for volume in self.volumes}) != len(self.volumes):
            message = "a volume stands twice"
            raise ValueError(message)
        if self.model is not None and roles.get(self.model.file) != "model":
            message = "the model's file is not among the files with the role model"
            raise ValueError(message)
        if (self.kind in TRAINING) != (self.model is not None):
            message = "a training run names exactly one model, any other run none"
            raise ValueError(message)
        if self.kind == "evaluate" and not self.metrics:
            message = "an evaluation has at least one metric"
            raise ValueError(message)
        return self
