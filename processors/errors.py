"""The errors of the trusted zone.

```
ProcessorsError
├── SiteFileError      sluice.yaml is unreadable or says something it cannot mean
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
