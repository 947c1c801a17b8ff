"""The errors of performed procedure steps.

```
PerformedStepError          (a DicomError)
└── BadStepError            an N-CREATE or N-SET that cannot be taken; `status` is its answer
```
"""

from typing import ClassVar

from processors.dicom.errors import DicomError


class PerformedStepError(DicomError):
    """A performed procedure step cannot be taken."""


class BadStepError(PerformedStepError):
    """A request cannot be taken; `keyword` names the attribute, never its value."""

    remedy: ClassVar[str] = "Ask the device's vendor: PS3.4 table F.7.2-1 says what such a request holds."

    def __init__(self, status: int, keyword: str = "") -> None:
        super().__init__(f"The request is refused with {status:04X} {keyword}".rstrip() + ".")
        self.status = status
        self.keyword = keyword
