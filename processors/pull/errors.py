"""The errors of pulling.

```
PullError                   (a ProcessorsError)
├── ListFileError           the file of --list cannot be used; names lines, never values
├── NothingAskedError       neither a list nor a window: that would be the whole PACS
├── OtherJobError           a job of that name asks for something else
├── JobRunningError         the job is being worked on by another process
├── FindFailedError         the peer answers C-FIND with a failure
├── DestinationUnknownError the peer does not know our receiver's AE title
└── ReceiverDownError       our own receiver does not take what C-GET brings
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class PullError(ProcessorsError):
    """A pull cannot go on."""

    remedy: ClassVar[str] = "Give the same command again: it goes on where it was."


class ListFileError(PullError):
    """The list cannot be used."""

    remedy: ClassVar[str] = (
        "The first line names the columns (PatientID, AccessionNumber, StudyInstanceUID); mend the lines named here."
    )
    exit_code: ClassVar[int] = 2


class NothingAskedError(PullError):
    """Neither a list nor a window of dates was given."""

    remedy: ClassVar[str] = "Give --list, or --from and --to."
    exit_code: ClassVar[int] = 2


class OtherJobError(PullError):
    """The job asks for something else."""

    remedy: ClassVar[str] = "Give another --job, or the options that the job was begun with."
    exit_code: ClassVar[int] = 2


class JobRunningError(PullError):
    """Another process works on the job."""

    remedy: ClassVar[str] = "Wait for it, or end it."


class FindFailedError(PullError):
    """The peer cannot answer the query."""

    remedy: ClassVar[str] = "Look at the peer's log; then give the same command again: it goes on where it was."


class DestinationUnknownError(PullError):
    """The peer does not know where to send."""

    remedy: ClassVar[str] = (
        "Have its administrator enter our receiver's AE title, host and port, or pull with --by get, which needs none."
    )


class ReceiverDownError(PullError):
    """Our own receiver takes nothing."""

    remedy: ClassVar[str] = "Start it (`sluice receive`), and give --receiver HOST:PORT where it listens."
