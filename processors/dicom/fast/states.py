"""What each PDU means in each state: PS3.8 table 9-10, as far as an acceptor that never releases comes into it.

An acceptor waits in three states. The others pass within a call: negotiating (Sta3) and answering a release (Sta8)
happen while nothing is read, and what a peer sends meanwhile is read in the state that follows.
"""

from enum import Enum
from typing import Final

from processors.dicom.fast.pdu import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    P_DATA_TF,
    RELEASE_RP,
    RELEASE_RQ,
    UNRECOGNIZED,
)


class State(Enum):
    """Where an association waits for the next PDU."""

    AWAITING_REQUEST = "Sta2"
    ESTABLISHED = "Sta6"
    AWAITING_CLOSE = "Sta13"


class Action(Enum):
    """What is done with it; the names of PS3.8 tables 9-6 to 9-9."""

    NEGOTIATE = "AE-6"
    TAKE_DATA = "DT-2"
    RELEASE = "AR-2, AR-4"
    ABORT_AS_USER = "AA-1"
    CLOSE = "AA-2, AA-3"
    IGNORE = "AA-6"
    ABORT_AGAIN = "AA-7"
    ABORT_AS_PROVIDER = "AA-8"


_EVERY_PDU: Final = (
    ASSOCIATE_RQ,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    P_DATA_TF,
    RELEASE_RQ,
    RELEASE_RP,
    ABORT,
    UNRECOGNIZED,
)

TRANSITIONS: Final[dict[State, dict[int, Action]]] = {
    State.AWAITING_REQUEST: dict.fromkeys(_EVERY_PDU, Action.ABORT_AS_USER)
    | {ASSOCIATE_RQ: Action.NEGOTIATE, ABORT: Action.CLOSE},
    State.ESTABLISHED: dict.fromkeys(_EVERY_PDU, Action.ABORT_AS_PROVIDER)
    | {P_DATA_TF: Action.TAKE_DATA, RELEASE_RQ: Action.RELEASE, ABORT: Action.CLOSE},
    State.AWAITING_CLOSE: dict.fromkeys(_EVERY_PDU, Action.IGNORE)
    | {ASSOCIATE_RQ: Action.ABORT_AGAIN, UNRECOGNIZED: Action.ABORT_AGAIN, ABORT: Action.CLOSE},
}
