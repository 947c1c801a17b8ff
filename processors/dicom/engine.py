"""What a network engine and the receiver promise each other.

The engine speaks DICOM's upper layer: it negotiates, takes the bytes of each C-STORE, and sends the status it is given.
It knows nothing of landing and ledger; they know nothing of it. Any engine that keeps these protocols will do.
"""

from dataclasses import dataclass, field
from typing import Protocol

from processors.dicom.admission import Admission, Caller
from processors.dicom.services import ServiceAnswer, ServiceRequest
from processors.dicom.status import Refusal
from processors.ledger.associations import Ending


@dataclass(frozen=True, slots=True)
class Peer:
    """Who has opened an association."""

    calling_ae: str
    called_ae: str
    address: str
    admission: Admission = field(default_factory=Admission, compare=False)
    """On what terms; the receiver closes it when the association has ended."""


@dataclass(frozen=True, slots=True, repr=False)
class StoreCommand:
    """A C-STORE-RQ, without its data set. PHI: it has no revealing repr."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str | None = None
    """What the data set's must be; None if it may be any."""

    def __repr__(self) -> str:
        return "StoreCommand(…)"


class Reception(Protocol):
    """One object on its way in."""

    def write(self, *pieces: bytes | memoryview) -> None:
        """Take the next bytes, which are here only until this returns. Never raises: a failure shows in the status."""

    def finish(self) -> int:
        """The data set is complete: the status to answer with. Success only once the object is durable."""

    def abandon(self) -> None:
        """The rest will not come: keep nothing."""


class AssociationListener(Protocol):
    """What an engine tells of one association; all calls but `heard` and `troubled` come from one thread."""

    def heard(self) -> None:
        """Bytes have come in, of whatever kind. Any thread."""

    def begin(self, command: StoreCommand) -> Reception:
        """A C-STORE begins. Never raises: a refusal shows in the status."""

    def serve(self, request: ServiceRequest) -> ServiceAnswer:
        """A request of a service other than storage. Never raises: a failure shows in the status."""

    def refuse(self, refusal: Refusal) -> int:
        """An object is refused of which not even a C-STORE could begin; returns the status."""

    def troubled(self, cause: str, detail: str = "") -> None:
        """Something is odd; `cause` is a row of `processors.dicom.causes`. Any thread, never raises, before `ended`."""

    def ended(self, ending: Ending) -> None:
        """The last word; no object is on its way any more."""


class Listener(Protocol):
    """What an engine tells the receiver."""

    def opened(self, peer: Peer) -> AssociationListener:
        """An association has been accepted."""

    def troubled(self, caller: Caller, cause: str, detail: str = "", peer: str = "") -> None:
        """There was a connection and no association came of it; `cause` is a row of `processors.dicom.causes`.

        Any thread, never raises. AE titles that were not heard are empty. `detail` holds UIDs, numbers or codes that
        the cause's sentence names, never a value of a patient.
        """


class Engine(Protocol):
    """Listens on a port."""

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept associations; returns host and port.

        Raises:
            ListenError: the port cannot be bound.
        """

    def stop(self, grace_seconds: float) -> None:
        """Accept no more, let each association finish the object that it is sending, abort it, wait for its end."""
