"""The errors of consent.

```
ConsentError                (a ProcessorsError)
├── ConsentListError        the list cannot be used; names lines and columns, never a patient
├── ConsentUnavailableError the hospital's command or endpoint gave no answer in time, or none that is one
└── NoConsentError          the site asks nobody, and a command is about consent
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class ConsentError(ProcessorsError):
    """Nobody can be asked about consent."""


class ConsentListError(ConsentError):
    """The list of consents cannot be used."""

    remedy: ClassVar[str] = (
        "Mend the line that is named and replace the file as a whole; until then what needs consent is held."
    )
    exit_code: ClassVar[int] = 2


class ConsentUnavailableError(ConsentError):
    """The hospital's system gave no answer."""

    remedy: ClassVar[str] = "Try `sluice consent ask` when it runs again, then `sluice consent recheck`."


class NoConsentError(ConsentError):
    """This site asks nobody about consent."""

    remedy: ClassVar[str] = "Name a list, a command or a url under `consent` in sluice.yaml; docs/consent.md shows it."
    exit_code: ClassVar[int] = 2
