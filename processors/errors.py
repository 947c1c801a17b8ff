"""The errors of the trusted zone.

```
ProcessorsError
├── SiteFileError      sluice.yaml is unreadable or says something it cannot mean
├── PeersFileError     peers.yaml is unreadable or says something it cannot mean
├── UnknownPeerError   no peer has that name
├── LandingError       see `processors.landing.errors`
└── …                  each package adds its own branch
```
"""

from typing import ClassVar


class ProcessorsError(Exception):
    """The trusted zone cannot go on."""

    remedy: ClassVar[str] = "Look at the trusted zone's log for the cause."
    exit_code: ClassVar[int] = 1


class SiteFileError(ProcessorsError):
    """The site file cannot be used."""

    remedy: ClassVar[str] = "Mend sluice.yaml in the trusted home; every key is optional."


class PeersFileError(ProcessorsError):
    """The file of peers cannot be used."""

    remedy: ClassVar[str] = (
        "Mend that file; a peer needs ae_title, host and port to be called, sends to call us, and texts in quotes."
    )


class UnknownPeerError(ProcessorsError):
    """No peer has that name."""

    remedy: ClassVar[str] = "Look at `sluice peers list`, or add it to peers.yaml in the trusted home."
    exit_code: ClassVar[int] = 2
