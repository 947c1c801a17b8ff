"""The errors of the ledger.

```
LedgerError                 (a ProcessorsError)
├── LedgerUnreadableError        the file is missing, is no SQLite database or cannot be opened
├── LedgerTooNewError            a later Sluice has written it
├── HandoffUnreachableError      the handoff's list of shipments could not be had
└── HandoffCertificateError      the certificates that the handoff is trusted by, or shown, cannot be used
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class LedgerError(ProcessorsError):
    """The ledger cannot be used."""

    remedy: ClassVar[str] = "Look at the ledger file in the trusted home."


class LedgerUnreadableError(LedgerError):
    """The ledger cannot be opened."""

    remedy: ClassVar[str] = (
        "Check the path, its owner and free disk space; `sluice ledger rebuild` makes a new one from the landing."
    )


class LedgerTooNewError(LedgerError):
    """The ledger was written by a later Sluice."""

    remedy: ClassVar[str] = "Start the Sluice that wrote it, or a later one."


class HandoffUnreachableError(LedgerError):
    """The handoff did not tell which shipments it has."""

    remedy: ClassVar[str] = "Check --handoff-url and --token, and that the handoff runs; or leave both away."


class HandoffCertificateError(LedgerError):
    """The certificates for the handoff cannot be used."""

    remedy: ClassVar[str] = (
        "SLUICE_HANDOFF_CA (or --handoff-ca), SLUICE_HANDOFF_CERTIFICATE and SLUICE_HANDOFF_KEY name files in PEM."
    )
