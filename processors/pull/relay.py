"""Gives what C-GET brings to our receiver, by C-STORE: there is one way into the landing, and it is durable.

The peer is answered with the receiver's own status, so it hears Success only of what is on our disk.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Self

from pynetdicom.presentation import PresentationContext

from processors.dicom.associate import associated
from processors.dicom.errors import PeerError
from processors.dicom.part10 import file_head
from processors.peers import Peer
from processors.pull.errors import ReceiverDownError

_OUT_OF_RESOURCES: Final = 0xA700


class Relay:
    """One association to the receiver, in the name of the peer that the objects come from."""

    def __init__(self, association: Any, part: Path) -> None:
        self._association = association
        self._part = part
        self._message = 0
        self.lost = False

    @classmethod
    @contextmanager
    def open(cls, receiver: Peer, contexts: Sequence[PresentationContext], part: Path) -> Iterator[Self]:
        """Associate; released at the end, whereupon the receiver seals.

        Args:
            receiver: Where it listens.
            contexts: The same as are proposed to the peer.
            part: A file for the object that is on its way; it is in the trusted home.

        Raises:
            ReceiverDownError: nothing listens there, or the association ended.
        """
        with ExitStack() as stack:
            try:
                association = stack.enter_context(associated(receiver, contexts))
            except PeerError as error:
                raise ReceiverDownError(f"The receiver at {receiver.host}:{receiver.port} takes nothing.") from error
            relay = cls(association, part)
            try:
                yield relay
            finally:
                part.unlink(missing_ok=True)
        if relay.lost:
            raise ReceiverDownError(f"The receiver at {receiver.host}:{receiver.port} fell silent.")

    def store(self, event: Any) -> int:
        """Pass one object on; the status is the receiver's."""
        request = event.request
        self._message = self._message % 65535 + 1
        head = file_head(
            str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID), str(event.context.transfer_syntax)
        )
        with self._part.open("wb") as file, request.DataSet.getbuffer() as data:
            file.write(head)
            file.write(data)
        try:
            answer = self._association.send_c_store(self._part, msg_id=self._message)
        except (RuntimeError, ValueError, OSError):
            answer = {}
        if "Status" not in answer:
            self.lost = True
            return _OUT_OF_RESOURCES
        return int(answer.Status)
