"""Which A-ASSOCIATE-RJ each cause becomes (PS3.8 table 9-21).

Four causes look alike from outside, "calling AE title not recognized": who probes learns nothing more. The doctor
tells our own people which it was.
"""

from typing import Final, Literal

from processors.dicom.admission import Rejection

_Answer = tuple[Literal[1, 2], Literal[1, 2, 3], int]

_PERMANENT: Final = 1
_TRANSIENT: Final = 2
_USER: Final = 1
_ACSE: Final = 2
_PRESENTATION: Final = 3

REJECTIONS: Final[dict[str, _Answer]] = {
    "wrong-called-ae": (_PERMANENT, _USER, 7),
    "unknown-caller": (_PERMANENT, _USER, 3),
    "wrong-address": (_PERMANENT, _USER, 3),
    "not-encrypted": (_PERMANENT, _USER, 3),
    "wrong-certificate": (_PERMANENT, _USER, 3),
    "application-context": (_PERMANENT, _USER, 2),
    "protocol-version": (_PERMANENT, _ACSE, 2),
    "stopping": (_TRANSIENT, _ACSE, 1),
    "congestion": (_TRANSIENT, _PRESENTATION, 1),
    "too-many-associations": (_TRANSIENT, _PRESENTATION, 2),
    "receiver-full": (_TRANSIENT, _PRESENTATION, 2),
}
"""Result, source and diagnostic by cause, a row of `processors.dicom.causes`."""


def rejection(cause: str, *, peer: str = "", detail: str = "") -> Rejection:
    """The rejection that a cause becomes.

    Args:
        cause: A row of `REJECTIONS`.
        peer: Name of the peer in the peers file that comes nearest.
        detail: What the cause's sentence names, without values of a patient.

    Raises:
        KeyError: the cause rejects nobody.
    """
    result, source, diagnostic = REJECTIONS[cause]
    return Rejection(cause, result, source, diagnostic, peer, detail)
