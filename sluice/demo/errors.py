"""What can end the demo early.

```
DemoError
├── PartFailedError       a process of the demo ended or did not become ready
├── SenderFailedError     the sender could not even associate
├── StandstillError       nothing moved for too long before the counts agreed
└── StudyFolderError      --study names no folder with files
```
"""

from typing import ClassVar


class DemoError(Exception):
    """The demo cannot go on."""

    remedy: ClassVar[str] = "Run it again with --keep and look at the logs in its home."
    exit_code: ClassVar[int] = 1


class PartFailedError(DemoError):
    """One of the demo's processes failed; the message names its log and the log's last line."""

    remedy: ClassVar[str] = "Read that log; a port in use or a full disk are the usual causes."


class SenderFailedError(DemoError):
    """The DICOM sender could not associate with the receiver."""

    remedy: ClassVar[str] = "Read the sender's log; the receiver's log beside it tells the other side."


class StandstillError(DemoError):
    """Instances stopped moving before all of them were accounted for."""

    remedy: ClassVar[str] = "Run `sluice ledger reconcile` with the printed --home to see where they are."


class StudyFolderError(DemoError):
    """The folder to be sent cannot be sent."""

    remedy: ClassVar[str] = "Give --study a readable folder that holds DICOM files."
    exit_code: ClassVar[int] = 2
