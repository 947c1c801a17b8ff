"""The errors of preparing, training and inference.

```
MLError
├── BatchError          the batch or a package in it cannot be read as its lines say
├── StoreError          S3 did not answer, or the environment does not say how to reach it
│   └── HandoffError    the handoff, which has the run's files, did not answer or does not let this run in
├── SpecError           a preprocessing spec is malformed or is not the one that was promised
├── SeriesError      a series cannot become a volume; carries a reason code
├── LabelError       an annotation cannot be laid over its volume; carries a reason code
├── PublishedError      another run of the same handoff has written the result
├── EmptyBatchError         not one case of the batch is usable
├── DeviceError         the accelerators that were asked for are not there
├── ModelError        the model was trained on volumes of another spec, or is no model of ours
└── ServingError      a request to a served model; see `ml.serving.errors`
```
"""

from typing import ClassVar


class MLError(Exception):
    """The worker cannot go on."""

    remedy: ClassVar[str] = "Look at the run's log for the cause."
    exit_code: ClassVar[int] = 1


class BatchError(MLError):
    """The batch cannot be read."""

    remedy: ClassVar[str] = (
        "Compare the batch's lines with the packages in the store; form the batch anew if one is gone."
    )


class StoreError(MLError):
    """The store did not answer."""

    remedy: ClassVar[str] = "Check AWS_* of the run's environment and whether the store works; then run again."


class HandoffError(StoreError):
    """The handoff did not answer, or does not let this run in."""

    remedy: ClassVar[str] = (
        "Look whether the handoff works and the run is still at work; the token of a run ends with it."
    )


class SpecError(MLError):
    """The preprocessing spec cannot be used."""

    remedy: ClassVar[str] = "Prepare the batch again with the spec that this pipeline version carries."


class RejectionError(MLError):
    """A part of the batch cannot be used.

    Attributes:
        reason: Code from `ml.preprocessing.reasons`, the only thing that reports repeat.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SeriesError(RejectionError):
    """A series cannot become a volume."""

    remedy: ClassVar[str] = "Look up the reason code; acquire or export the series again if it is damaged."


class LabelError(RejectionError):
    """An annotation cannot be laid over its volume."""

    remedy: ClassVar[str] = "Check that the annotation was drawn on the series that it references."


class PublishedError(MLError):
    """The result of this handoff is there already."""

    remedy: ClassVar[str] = "Nothing has to be done: the result of the run that was quicker stands."


class EmptyBatchError(MLError):
    """Not one case of the batch is usable."""

    remedy: ClassVar[str] = "Read the reason codes above; form a batch with series that pass the geometry gate."


class DeviceError(MLError):
    """The accelerators that were asked for are not there."""

    remedy: ClassVar[str] = (
        "Look at the target's gpus, the cluster's device plugin, and whether its version reads both."
    )


class ModelError(MLError):
    """The model does not fit the volumes."""

    remedy: ClassVar[str] = "Train on a batch prepared with this spec, or prepare the batch with the model's spec."
