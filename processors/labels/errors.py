"""The errors that stop a whole import; what is wrong with one row is listed instead, see `processors.labels.reasons`.

```
LabelsError                 (a ProcessorsError; exit code 2)
├── SheetError                   the file is no CSV of keys and labels
├── VocabularyError              the vocabulary cannot be used
├── SourceError                  the name of the source is no plain word
├── DestinationError             the rules name no such destination, or several
└── NothingReceivedError         this home has no landing or ledger
```

No message repeats a cell: without a header line the first cells of a file are a patient's.
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class LabelsError(ProcessorsError):
    """Labels cannot be imported."""

    exit_code: ClassVar[int] = 2


class SheetError(LabelsError):
    """The file cannot be read as labels."""

    remedy: ClassVar[str] = (
        "Export it as CSV in UTF-8 with a header line: key columns such as StudyInstanceUID, and label columns whose "
        "names have small letters, digits and underscores only."
    )


class VocabularyError(LabelsError):
    """The vocabulary cannot be used."""

    remedy: ClassVar[str] = "Write it as YAML: each label's name with the list of its codes."


class SourceError(LabelsError):
    """The source has no usable name."""

    remedy: ClassVar[str] = "Name it by small letters, digits, dots and dashes, such as radiology-2026."


class DestinationError(LabelsError):
    """The rules do not say where these labels would go."""

    remedy: ClassVar[str] = "Give a project or a destination of rules.yaml, or both as destination/project."


class NothingReceivedError(LabelsError):
    """Nothing was ever received here, so there is nothing to label."""

    remedy: ClassVar[str] = "Give the home of the receiver with --home."
