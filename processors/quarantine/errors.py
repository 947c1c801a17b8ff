"""The errors of quarantine and of the trusted zone's accounts.

```
QuarantineError               (a ProcessorsError)
├── AccountsUnreadableError   the file of accounts cannot be used
├── NameTakenError            there is such an account
├── NoSuchAccountError        there is none
├── NotSignedInError          no account has this token
├── NotWaitingError           this instance waits for nobody
├── NoWishError               nobody asked for it, so nobody can approve it
├── SecondPersonError         whoever asked for it cannot be the second person
├── ChangedWishError          what was asked for is not what the audit record knows
├── DecisionError             this cannot be decided so
├── NoPictureError            there is nothing to look at
├── NotLoopbackError          the page would be reached from elsewhere
└── PortTakenError            the page's port cannot be bound
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class QuarantineError(ProcessorsError):
    """Nothing leaves quarantine."""


class AccountsUnreadableError(QuarantineError):
    """The accounts cannot be read."""

    remedy: ClassVar[str] = "Restore accounts.json of the trusted home, or remove it and make all accounts anew."


class NameTakenError(QuarantineError):
    """There is an account of that name."""

    remedy: ClassVar[str] = "A name is never given twice. Choose another; `sluice trusted accounts` lists them."


class NoSuchAccountError(QuarantineError):
    """There is no account of that name."""

    remedy: ClassVar[str] = "`sluice trusted accounts` lists them."


class NotSignedInError(QuarantineError):
    """No account of the trusted zone has this token."""

    remedy: ClassVar[str] = "Put your own token into SLUICE_TRUSTED_TOKEN, or name its file with --token-file."
    exit_code: ClassVar[int] = 3


class NotWaitingError(QuarantineError):
    """It does not wait for a person."""

    remedy: ClassVar[str] = "`sluice quarantine list` says what does."


class NoWishError(QuarantineError):
    """Nobody asked for it."""

    remedy: ClassVar[str] = "Ask for it first with `sluice quarantine release`; another person then approves it."


class SecondPersonError(QuarantineError):
    """It takes another person than the one who asked."""

    remedy: ClassVar[str] = "Have somebody else look at it and approve it with their own token."


class ChangedWishError(QuarantineError):
    """What was asked for was changed since."""

    remedy: ClassVar[str] = "Run `sluice audit verify`; then ask for it again."


class DecisionError(QuarantineError):
    """It cannot be decided so."""

    remedy: ClassVar[str] = "docs/quarantine.md says what can be decided for which reason."
    exit_code: ClassVar[int] = 2


class NoPictureError(QuarantineError):
    """There is nothing to look at."""

    remedy: ClassVar[str] = "`sluice quarantine show` says why it was withheld."


class NotLoopbackError(QuarantineError):
    """The page listens on loopback (127.0.0.1) alone."""

    remedy: ClassVar[str] = "From another machine, reach it by a tunnel, such as `ssh -L 8106:127.0.0.1:8106 HOST`."
    exit_code: ClassVar[int] = 2


class PortTakenError(QuarantineError):
    """The port cannot be bound."""

    remedy: ClassVar[str] = "Name another with --port."
