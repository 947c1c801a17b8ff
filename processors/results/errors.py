"""The errors of results that are not about one object's content (those are `reasons`).

```
ResultsError               (a ProcessorsError)
├── ClaimInvalidError           what the handoff says of an object is no claim, or one of another object
├── ObjectGoneError             the object is not in the landing any more
├── ReturnProfileError          the profile of what may go back cannot be used
└── NoSuchResultError           an operator named an object that is not there, or not waiting
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class ResultsError(ProcessorsError):
    """A result cannot go back."""


class ClaimInvalidError(ResultsError):
    """The handoff's claim about an object is none, or one of another object."""

    remedy: ClassVar[str] = "Check that both sides run the same version; nothing was taken, and it is asked for again."


class ObjectGoneError(ResultsError):
    """The object is not in the landing any more."""

    remedy: ClassVar[str] = "Restore landing/results from a backup, or discard the object."


class ReturnProfileError(ResultsError):
    """The profile of what may go back cannot be used."""

    remedy: ClassVar[str] = "Mend the YAML file, or use the shipped one."


class NoSuchResultError(ResultsError):
    """There is no such object, or it does not wait for a person."""

    remedy: ClassVar[str] = "See `sluice results list`."
