"""The errors of the landing.

```
LandingError                (a ProcessorsError)
├── LandingUnusableError         the folder cannot be made or written
│   └── LandingMissingError      there is none to look at
├── LandingTakenError            another process holds the lock
├── DeliveryUnreadableError      a delivery.json is missing or not what it should be
├── EvidenceUnreadableError      an association's evidence is not what it should be
└── UnsealedDeliveriesError      an association cannot end before all that it brought is entered
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class LandingError(ProcessorsError):
    """The landing cannot be used."""

    remedy: ClassVar[str] = "Look at the landing folder."


class LandingUnusableError(LandingError):
    """The landing cannot be written."""

    remedy: ClassVar[str] = (
        "Give --landing a folder on a local disk with hard links and space, that this user may write."
    )


class LandingMissingError(LandingUnusableError):
    """There is no landing here."""

    remedy: ClassVar[str] = "Nothing was received here yet: give the home of the receiver with --home."


class LandingTakenError(LandingError):
    """Another process works on this landing."""

    remedy: ClassVar[str] = "Stop that process first, or use another landing."


class DeliveryUnreadableError(LandingError):
    """A delivery cannot be read."""

    remedy: ClassVar[str] = "Run `sluice ledger reconcile` to see what is missing."


class EvidenceUnreadableError(LandingError):
    """An association's evidence cannot be read."""

    remedy: ClassVar[str] = (
        "Move that file out of the landing's folder `evidence`: the next start of the receiver writes it anew."
    )


class UnsealedDeliveriesError(LandingError):
    """The ledger lacks instances of an association that is to end."""

    remedy: ClassVar[str] = "Start the receiver again: it enters what is missing."
