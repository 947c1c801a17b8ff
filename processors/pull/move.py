"""Fetch by C-MOVE: the peer sends to our receiver over an association of its own (PS3.4 C.4.2)."""

from collections.abc import Callable
from typing import Final

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as StudyRootMove

from processors.dicom.associate import associated, lost
from processors.peers import Peer
from processors.pull.errors import DestinationUnknownError
from processors.pull.fetched import Fetched, of_response
from processors.pull.plan import Portion

_PENDING: Final = frozenset({0xFF00, 0xFF01})
_DESTINATION_UNKNOWN: Final = 0xA801


def move(peer: Peer, portion: Portion, heard: Callable[[Fetched], None]) -> Fetched:
    """Have the peer send one portion to our receiver.

    Args:
        peer: Whom to ask.
        portion: What for.
        heard: Told each pending response.

    Raises:
        PeerError: there is no association, or it ended.
        DestinationUnknownError: the peer does not know our receiver.
    """
    context = build_context(StudyRootMove, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    with associated(peer, [context]) as association:
        said = Fetched()
        for status, _ in association.send_c_move(portion.identifier(), peer.move_destination, StudyRootMove):
            if "Status" not in status:
                raise lost(peer)
            if status.Status == _DESTINATION_UNKNOWN:
                raise DestinationUnknownError(f"Peer {peer.name} knows no destination {peer.move_destination}.")
            said = of_response(status, said)
            if status.Status not in _PENDING:
                return said
            heard(said)
    raise lost(peer)
