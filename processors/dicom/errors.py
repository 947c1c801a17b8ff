"""The errors of receiving.

```
DicomError                  (a ProcessorsError)
├── ListenError             the port cannot be bound
└── DataSetError            a data set cannot be read; becomes a refusal, never a message
    ├── TruncatedError      it ends in the middle of an element
    ├── MalformedError      its bytes are no elements
    └── IdentifierError     it lacks a usable SOP Class or SOP Instance UID
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class DicomError(ProcessorsError):
    """Receiving cannot go on."""

    remedy: ClassVar[str] = "Look at the receiver's log."


class ListenError(DicomError):
    """The receiver cannot listen."""

    remedy: ClassVar[str] = "Give another --port or --host, or stop what listens there."


class DataSetError(DicomError):
    """The data set cannot be read."""

    remedy: ClassVar[str] = "Have the sender check the object; nothing of it was kept."
    code: ClassVar[str] = "unparsable"


class TruncatedError(DataSetError):
    """The data set ends in the middle of an element."""

    code: ClassVar[str] = "truncated"


class MalformedError(DataSetError):
    """The bytes are no DICOM elements in the negotiated transfer syntax."""

    code: ClassVar[str] = "unparsable"


class IdentifierError(DataSetError):
    """The data set has no usable SOP Class UID or SOP Instance UID."""

    code: ClassVar[str] = "no-identifier"
