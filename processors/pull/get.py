"""Fetch by C-GET: the peer sends over our own association, and we give each object to our receiver (PS3.4 C.4.3)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as StudyRootGet

from processors.dicom.associate import MAXIMUM_CONTEXTS, associated, lost
from processors.peers import Peer
from processors.pull.fetched import Fetched, of_response
from processors.pull.plan import Portion
from processors.pull.relay import Relay

_PENDING: Final = frozenset({0xFF00, 0xFF01})
TRANSFER_SYNTAXES: Final = (
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first order
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # High-Throughput JPEG 2000 lossless
    "1.2.840.10008.1.2.4.203",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.5",  # RLE
)
"""Each is a presentation context of its own, so that the peer need not re-encode what it has."""
MOST_CLASSES: Final = (MAXIMUM_CONTEXTS - 1) // len(TRANSFER_SYNTAXES)


def get(peer: Peer, receiver: Peer, portion: Portion, part: Path, heard: Callable[[Fetched], None]) -> Fetched:
    """Fetch one portion and give it to the receiver.

    Args:
        peer: Whom to ask.
        receiver: Where our receiver listens.
        portion: What for; it names its SOP classes.
        part: See `Relay.open`.
        heard: Told after each object.

    Raises:
        PeerError: there is no association, or it ended.
        ReceiverDownError: our receiver takes nothing.
    """
    classes = sorted(portion.sop_classes)
    storage = [build_context(each, syntax) for each in classes for syntax in TRANSFER_SYNTAXES]
    question = build_context(StudyRootGet, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    roles = [build_role(each, scp_role=True) for each in classes]
    stored = Fetched()
    with Relay.open(receiver, storage, part) as relay:

        def arrived(event: Any) -> int:
            nonlocal stored
            status = relay.store(event)
            stored += Fetched(completed=1) if status == 0 else Fetched(failed=1)
            heard(stored)
            return status

        handlers = [(evt.EVT_C_STORE, arrived)]
        with associated(peer, [question, *storage], roles=roles, handlers=handlers) as association:
            for status, _ in association.send_c_get(portion.identifier(), StudyRootGet):
                if "Status" not in status:
                    raise lost(peer)
                if status.Status not in _PENDING:
                    return of_response(status, stored)
        raise lost(peer)


def receiver_at(peer: Peer, host: str, port: int) -> Peer:
    """Our receiver, called in the name of the peer: that is where the objects come from."""
    return peer.model_copy(
        update={
            "name": "receiver",
            "host": host,
            "port": port,
            "ae_title": peer.move_destination,
            "calling_ae_title": peer.ae_title,
        }
    )
