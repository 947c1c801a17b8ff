"""The errors of the audit record.

```
AuditError                   (a ProcessorsError)
├── AuditUnwritableError     records cannot be made durable, so nothing leaves
├── AuditUnreadableError     a file of the record cannot be read
├── NoChainError             a project was named of which there is no record
└── PublicKeyError           what was named as public key is none
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class AuditError(ProcessorsError):
    """The audit record cannot be used."""


class AuditUnwritableError(AuditError):
    """Records cannot be made durable."""

    remedy: ClassVar[str] = (
        "Make room or mend the permissions of `audit` in the trusted home; nothing leaves until then."
    )


class AuditUnreadableError(AuditError):
    """The record cannot be read."""

    remedy: ClassVar[str] = "Run as the owner of the trusted home, or restore `audit` from its backup."


class NoChainError(AuditError):
    """A project was named of which there is no record."""

    remedy: ClassVar[str] = "Name one that `sluice audit verify` lists without --project."
    exit_code: ClassVar[int] = 2


class PublicKeyError(AuditError):
    """This is no public key."""

    remedy: ClassVar[str] = "Give the 64 hexadecimal digits that `sluice audit key` printed."
    exit_code: ClassVar[int] = 2
