"""What ends an upload, or a request before it is one; none of these leaves its thread.

```
RequestError                what came cannot be served; `status` says so by HTTP
NotPart10Error              (a DataSetError) a file has no readable head; becomes a refusal of this file alone
```
"""

from typing import ClassVar

from processors.dicom.errors import DataSetError, DicomError


class RequestError(DicomError):
    """A request cannot be served; the message is what the sender is told, and says nothing of a patient.

    `status` is that of HTTP, `cause` the row of `processors.dicom.causes` that tells of it, `detail` its detail.
    """

    remedy: ClassVar[str] = "Look at `sluice doctor`."

    def __init__(self, status: int, message: str, detail: str, cause: str = "upload-malformed") -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.cause = cause


def malformed(what: str) -> RequestError:
    """A request that breaks RFC 9110, 9112 or 2046 at `what`."""
    return RequestError(400, f"The request cannot be read: {what}.", what)


class NotPart10Error(DataSetError):
    """What came is no DICOM file: preamble, prefix or file meta information is missing or broken (PS3.10 7.1)."""

    code: ClassVar[str] = "no-part-10"
