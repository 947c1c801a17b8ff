"""Services beside storage: DIMSE-N requests with their data sets, for both engines (PS3.7 section 10).

A service is some SOP classes and one handler. To add one:
    1. Give `SERVED` a row for each of its SOP classes: which operations the peer may ask for. Engines accept the
       presentation contexts of these classes by it, and answer every other operation themselves.
    2. Write a `Service`. It gets a `ServiceRequest` with the whole data set, as it was encoded, and who asks; it
       returns a `ServiceAnswer`. It runs in the association's own thread: the peer waits as long as it does. Whatever
       it raises is answered with `PROCESSING_FAILURE`, and told in the log without its text.
    3. Enter it under its SOP classes where `processors.dicom.receiver` makes its services.
A data set that is longer than `MAXIMUM_DATA_SET_BYTES` never gets to a handler: it is answered with
`RESOURCE_LIMITATION`. A request without a data set comes with an empty one.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

from processors.landing.journal import AssociationFacts


class Operation(IntEnum):
    """The DIMSE-N operations, by the Command Field of their request (PS3.7 E.1)."""

    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150


STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
PERFORMED_STEP: Final = "1.2.840.10008.3.1.2.3.3"

SERVED: Final[dict[str, frozenset[Operation]]] = {
    STORAGE_COMMITMENT: frozenset({Operation.N_ACTION}),
    PERFORMED_STEP: frozenset({Operation.N_CREATE, Operation.N_SET}),
}
"""Which operations of which SOP classes are asked of us as SCP."""

MAXIMUM_DATA_SET_BYTES: Final = 4 << 20
"""Of a request; a storage commitment list of 36,000 instances is not longer."""

SUCCESS: Final = 0x0000
NO_SUCH_ATTRIBUTE: Final = 0x0105
INVALID_ATTRIBUTE_VALUE: Final = 0x0106
PROCESSING_FAILURE: Final = 0x0110
DUPLICATE_INSTANCE: Final = 0x0111
NO_SUCH_INSTANCE: Final = 0x0112
INVALID_ARGUMENT_VALUE: Final = 0x0115
INVALID_INSTANCE: Final = 0x0117
NO_SUCH_CLASS: Final = 0x0118
CLASS_INSTANCE_CONFLICT: Final = 0x0119
MISSING_ATTRIBUTE: Final = 0x0120
MISSING_ATTRIBUTE_VALUE: Final = 0x0121
NO_SUCH_ACTION: Final = 0x0123
NOT_AUTHORIZED: Final = 0x0124
UNRECOGNIZED_OPERATION: Final = 0x0211
MISTYPED_ARGUMENT: Final = 0x0212
RESOURCE_LIMITATION: Final = 0x0213
"""Statuses of PS3.7 annex C."""


@dataclass(frozen=True, slots=True, repr=False)
class ServiceRequest:
    """One request and its whole data set. PHI: it has no revealing repr."""

    operation: Operation
    sop_class_uid: str
    """Affected (N-CREATE, N-EVENT-REPORT) or requested (all others)."""
    sop_instance_uid: str
    """The same; empty if an N-CREATE leaves it to us (PS3.7 10.1.5.1.4)."""
    type_id: int
    """Action Type ID or Event Type ID; 0 for operations that have none."""
    transfer_syntax_uid: str
    """How the data set is encoded."""
    data_set: bytes

    def __repr__(self) -> str:
        return f"ServiceRequest({self.operation.name}, …)"


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """The response; it has no data set."""

    status: int = SUCCESS
    sop_instance_uid: str | None = None
    """Of the instance that was made, where the request named none; otherwise the request's is repeated."""


class Service(Protocol):
    """Answers the requests of some SOP classes. Called in many threads."""

    def serve(self, request: ServiceRequest, asks: AssociationFacts) -> ServiceAnswer:
        """Do what is asked; what the answer claims is durable on return."""


def is_served(sop_class_uid: str, operation: int) -> bool:
    """Whether this may be asked of us at all."""
    return operation in SERVED.get(sop_class_uid, ())
