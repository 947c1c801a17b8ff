"""The errors of storage commitment.

```
CommitmentError             (a DicomError)
└── BadRequestError         an N-ACTION is none that can be taken; `status` is its answer
```
"""

from typing import ClassVar

from processors.dicom.errors import DicomError


class CommitmentError(DicomError):
    """Storage commitment cannot go on."""


class BadRequestError(CommitmentError):
    """An N-ACTION cannot be taken; the message holds no value of it."""

    remedy: ClassVar[str] = "Ask the device's vendor: PS3.4 table J.3-1 says what such a request holds."

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
