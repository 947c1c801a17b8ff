"""The errors of inventories.

```
InventoryError                    (a ProcessorsError)
├── InventoryUnreadableError      the file of the inventory cannot be used
├── PackageUnreadableError        a package in the landing cannot be read
├── NotWhatWasSeenError           what is approved is not what was shown
├── SamePersonError               both words are one person's
└── NothingSeenError              no package of the project was looked at yet
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class InventoryError(ProcessorsError):
    """The inventory cannot be made."""


class InventoryUnreadableError(InventoryError):
    """Its file cannot be used."""

    remedy: ClassVar[str] = "Delete `inventory.db` in the trusted home; every value then has to be approved again."


class PackageUnreadableError(InventoryError):
    """A package cannot be read."""

    remedy: ClassVar[str] = "Run `sluice ledger reconcile`; restore the landing from its backup."


class NotWhatWasSeenError(InventoryError):
    """There are other values now than those that were shown."""

    remedy: ClassVar[str] = "Look again with `sluice inventory values`, and approve the digest that it prints."


class SamePersonError(InventoryError):
    """It takes another person than the one who approved it first."""

    remedy: ClassVar[str] = "Have somebody else look with `sluice inventory values`, and approve with their own token."


class NothingSeenError(InventoryError):
    """No package of this project was looked at."""

    remedy: ClassVar[str] = "Run `sluice inventory values` for it first; `sluice audit show` lists its packages."
