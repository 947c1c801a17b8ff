"""The errors of the vault.

```
VaultError
├── VaultUnreadableError
├── VaultTooNewError
├── VaultKeyMismatchError
├── VaultThereError
└── VaultInUseError
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class VaultError(ProcessorsError):
    """The vault cannot be used."""

    remedy: ClassVar[str] = "Restore it from its backup; it is a source of truth and cannot be rebuilt."


class VaultUnreadableError(VaultError):
    """The vault is no database of ours, or cannot be opened or written."""

    remedy: ClassVar[str] = "Check the disk and the owner of the file; restore it from its backup if it is damaged."


class VaultTooNewError(VaultError):
    """A later Sluice wrote the vault."""

    remedy: ClassVar[str] = "Install that Sluice again, or restore the vault's backup from before the upgrade."


class VaultKeyMismatchError(VaultError):
    """The vault was made with another key file, or a row was altered."""

    remedy: ClassVar[str] = "Use the key file that the vault was made with."


class VaultThereError(VaultError):
    """Something is there already that a copy would replace."""

    remedy: ClassVar[str] = "Give a backup a new name; to restore over a vault, say --replace, which keeps the old one."


class VaultInUseError(VaultError):
    """Another process has the vault open."""

    remedy: ClassVar[str] = "Stop NiFi and whatever else uses the vault, then restore again."
