"""The data set of a request that is no object: held in memory, up to a bound, until it is whole."""

from processors.dicom.engine import AssociationListener
from processors.dicom.fast.command import Command
from processors.dicom.services import (
    MAXIMUM_DATA_SET_BYTES,
    RESOURCE_LIMITATION,
    UNRECOGNIZED_OPERATION,
    Operation,
    ServiceAnswer,
    ServiceRequest,
    is_served,
)


class Gathering:
    """One request of a service on its way in."""

    def __init__(self, command: Command, transfer_syntax_uid: str, listener: AssociationListener) -> None:
        self._command = command
        self._transfer_syntax_uid = transfer_syntax_uid
        self._listener = listener
        self._encoded = bytearray()
        self._is_served = is_served(command.sop_class_uid, command.field)
        self._is_too_long = False

    def write(self, *pieces: bytes | memoryview) -> None:
        """Take the next bytes; beyond the bound, or of what is answered unread, nothing is kept."""
        if not self._is_served:
            return
        for piece in pieces:
            if len(self._encoded) + len(piece) > MAXIMUM_DATA_SET_BYTES:
                self._is_too_long = True
                self._encoded = bytearray()
            if not self._is_too_long:
                self._encoded += piece

    def finish(self) -> ServiceAnswer:
        """The request is whole: ask the receiver, and answer."""
        if not self._is_served:
            return ServiceAnswer(UNRECOGNIZED_OPERATION)
        if self._is_too_long:
            return ServiceAnswer(RESOURCE_LIMITATION)
        encoded, self._encoded = bytes(self._encoded), bytearray()
        return self._listener.serve(
            ServiceRequest(
                operation=Operation(self._command.field),
                sop_class_uid=self._command.sop_class_uid,
                sop_instance_uid=self._command.sop_instance_uid,
                type_id=self._command.type_id,
                transfer_syntax_uid=self._transfer_syntax_uid,
                data_set=encoded,
            )
        )

    def abandon(self) -> None:
        """The rest will not come."""
        self._encoded = bytearray()
