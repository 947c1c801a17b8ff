"""Batches as the API takes and shows them."""

from typing import Any, Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, ReasonCode, StoreUri, Uid
from handoff.contract.labels import LabelName, LabelSource


class ChosenStudies(Document):
    """These studies and no others."""

    studies: tuple[Uid, ...] = Field(min_length=1)


class LabelChoice(Document):
    """Which imported labels a batch takes; null means all, an empty list none."""

    names: tuple[LabelName, ...] | None = None
    sources: tuple[LabelSource, ...] | None = None

    def wants(self, name: str, source: str) -> bool:
        """Whether a label of this name and source is wanted."""
        return (self.names is None or name in self.names) and (self.sources is None or source in self.sources)


class BatchRequest(Document):
    """Which complete studies of a project become a batch."""

    project: ProjectName
    select: Literal["annotated", "unannotated", "labelled", "all"] | ChosenStudies = Field(
        description="By drawn annotations (SEG, RTSTRUCT), by imported labels, all, or by name."
    )
    labels: LabelChoice = Field(LabelChoice(), description="Which imported labels of these studies come along.")
    spec_digest: Digest | None = Field(None, description="The preparing spec that the batch is meant for.")
    test_percent: int = Field(25, ge=0, le=100, description="Share of the patients that test, by pseudonym.")
    key_epoch: str | None = Field(
        None,
        min_length=1,
        max_length=80,
        description="Only studies under pseudonyms of this key epoch, as their treatment names it; a batch of two is "
        "refused.",
    )


class LeftOut(Document):
    """A study that the selection could have meant, and why it is not in the batch."""

    study: Uid
    reason: ReasonCode


class Provenance(Document):
    """What a batch came from; beside it, not in its id."""

    shipments: tuple[RandomId, ...]
    labels: tuple[RandomId, ...] = Field((), description="Label documents that its labels hold by.")
    studies: dict[Uid, int] = Field(description="Study: version.")
    treatments: tuple[dict[str, Any], ...] = Field(description="Each distinct treatment of the packages.")


class BatchItem(Document):
    """An immutable data set in a list."""

    id: Digest
    project: ProjectName
    uri: StoreUri = Field(description="The lines, as a pipeline's batch_uri names them.")
    spec_digest: Digest | None
    studies: NonNegativeInt = Field(0, description="Versions of studies that it holds something of.")
    instances: NonNegativeInt = Field(description="Annotations included.")
    annotations: NonNegativeInt = Field(description="Annotations that are instances: SEG, RTSTRUCT.")
    labels: NonNegativeInt = Field(0, description="Annotations that are imported labels: values, not rows.")
    label_counts: dict[LabelSource, dict[LabelName, NonNegativeInt]] = Field(
        default_factory=dict, description="Labels by source and name."
    )
    patients: dict[Literal["train", "test"], int] = Field(description="Patients on each side of the split.")
    test_percent: int
    unresolved_references: NonNegativeInt = Field(description="References of annotations to what is not in the batch.")
    withdrawn_by: RandomId | None = Field(
        None, description="The withdrawal that closed it: nothing may run on it any more."
    )
    prepared_by: tuple[RandomId, ...] = Field((), description="Handoffs that prepared it, oldest first.")


class BatchView(BatchItem):
    """An immutable data set, with what grows with its studies."""

    left_out: tuple[LeftOut, ...]
    provenance: Provenance
