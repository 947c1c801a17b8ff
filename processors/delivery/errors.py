"""The errors of moving deliveries. In NiFi they leave as a code: the class name in kebab case, without a message.

```
DeliveryError               (a ProcessorsError)
├── BadReferenceError            a FlowFile does not say which delivery it is about
├── UnknownDeliveryError         the ledger does not know it
├── LabelsGoneError              the file of a label document is not in the landing any more
├── NotHeldError                 what a person speaks of does not wait for one
├── StillHeldError               the reason for which it waits still holds
├── NoSuchVersionError           an instance has no such revision, or only one
├── OriginalGoneError            what must be delivered again has left the landing
├── NoRoomToReplayError          the landing has no room for another copy of what is replayed
├── ReceiverPropertyError        ListenDICOM is told of no receiver that could be
├── NotStoredError               a peer did not take an object; the message holds the peer's own words
├── WorkerDiedError              a worker process ended in the middle of its work
└── WorkerFailedError            a worker could not do its work, and said so
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class DeliveryError(ProcessorsError):
    """A delivery cannot move on."""


class BadReferenceError(DeliveryError):
    """The FlowFile does not name a delivery of ours."""

    remedy: ClassVar[str] = "Empty the queue; ListenDICOM announces what is not confirmed."


class UnknownDeliveryError(DeliveryError):
    """The ledger knows no such delivery or shipment."""

    remedy: ClassVar[str] = "Check that all processors name the same trusted home."


class NotHeldError(DeliveryError):
    """It does not wait for a person."""

    remedy: ClassVar[str] = "`sluice landing held` lists what does."


class StillHeldError(DeliveryError):
    """It cannot go on."""

    remedy: ClassVar[str] = (
        "Mend the cause and have the sender send it again, or `sluice landing end` it; docs/landing.md says more."
    )


class NoSuchVersionError(DeliveryError):
    """The instance has no such version, or only one."""

    remedy: ClassVar[str] = "`sluice landing variants` lists the instances that have several, with their revisions."


class OriginalGoneError(DeliveryError):
    """The original has left the landing."""

    remedy: ClassVar[str] = "Have the sender send that version again."


class NoRoomToReplayError(DeliveryError):
    """The landing has no room for another copy of what is replayed."""

    remedy: ClassVar[str] = (
        "What was queued goes on. Let it arrive and leave the landing, or make room; then run the same command again."
    )


class ReceiverPropertyError(DeliveryError):
    """The properties of the embedded receiver do not go together."""

    remedy: ClassVar[str] = "Change the processor's properties, or set Receiver to attached."


class LabelsGoneError(DeliveryError):
    """The file of a label document is gone from the landing."""

    remedy: ClassVar[str] = "Restore the landing from its backup, or import the same labels again."


class NotStoredError(DeliveryError):
    """A peer did not take an object."""

    remedy: ClassVar[str] = "Look at its log; `sluice peers echo` says whether it can be reached."


class WorkerDiedError(DeliveryError):
    """A de-identification worker ended in the middle of its work."""

    remedy: ClassVar[str] = "Nothing to do; the delivery is tried again, and the culprit withheld in the end."


class WorkerFailedError(DeliveryError):
    """A de-identification worker could not do its work."""

    remedy: ClassVar[str] = "Look into the workers' log in the trusted home."
