"""What ends an association of the fast engine early; none of these leaves its thread.

```
AssociationError
├── LostError               the connection has ended
├── SilentError             no byte came in time
│   └── SlowError           inside a message: none in time, or too few
└── ProtocolError           what came may not come; `reason` goes into the A-ABORT
```
"""

from processors.dicom.errors import DicomError
from processors.dicom.fast.pdu import INVALID_PARAMETER


class AssociationError(DicomError):
    """An association cannot go on."""


class LostError(AssociationError):
    """The connection has ended: Evt17 of PS3.8 table 9-5."""


class SilentError(AssociationError):
    """No byte came in time: the ARTIM timer (Evt18), or an established association that fell silent."""


class SlowError(SilentError):
    """Inside a message bytes came too slowly, or none in time; the message says which limit it was."""


class ProtocolError(AssociationError):
    """What came may not come here; the message says what, without a value.

    `reason` goes into the A-ABORT, `cause` is a row of `processors.dicom.causes`.
    """

    def __init__(self, message: str, reason: int = INVALID_PARAMETER, cause: str = "protocol-error") -> None:
        super().__init__(message)
        self.reason = reason
        self.cause = cause
