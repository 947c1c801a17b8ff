"""The N-EVENT-REPORT that answers a request, over an association of our own (PS3.4 J.3.3, table J.3-2)."""

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, build_role
from pynetdicom.sop_class import StorageCommitmentPushModel

from processors.dicom.associate import associated, lost
from processors.dicom.commitment.request import WELL_KNOWN_INSTANCE
from processors.dicom.errors import PeerRefusesError
from processors.ledger.commitments import CommittedInstance
from processors.peers import Peer

ALL_COMMITTED: Final = 1
SOME_FAILED: Final = 2
"""Event Type IDs."""


def event_of(transaction_uid: str, instances: Sequence[CommittedInstance]) -> tuple[int, Dataset]:
    """Event Type ID and Event Information."""
    data_set = Dataset()
    data_set.TransactionUID = transaction_uid
    kept = [_item(one) for one in instances if one.failure is None]
    failed = [_item(one) for one in instances if one.failure is not None]
    if kept:
        data_set.ReferencedSOPSequence = Items(kept)
    if failed:
        data_set.FailedSOPSequence = Items(failed)
    return SOME_FAILED if failed else ALL_COMMITTED, data_set


def send(peer: Peer, transaction_uid: str, instances: Sequence[CommittedInstance]) -> None:
    """Tell a peer, and wait until it has confirmed.

    We are SCP on an association that we open, so the roles are turned round (PS3.7 D.3.3.4). A peer that does not
    answer the role selection is told all the same: many do not, and take the report.

    Raises:
        PeerError: there is no association, or it ended.
        PeerRefusesError: it does not take the report; `code` has its status.
    """
    kind, data_set = event_of(transaction_uid, instances)
    context = build_context(StorageCommitmentPushModel, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    role = build_role(StorageCommitmentPushModel, scp_role=True)
    with associated(peer, [context], roles=[role]) as association:
        status, _ = association.send_n_event_report(data_set, kind, StorageCommitmentPushModel, WELL_KNOWN_INSTANCE)
    if "Status" not in status:
        raise lost(peer)
    if status.Status != 0:
        message = f"Peer {peer.name} answers the report with {status.Status:04X}."
        raise PeerRefusesError(message, f"status-{status.Status:04x}")


def _item(one: CommittedInstance) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = one.sop_class_uid
    item.ReferencedSOPInstanceUID = one.sop_instance_uid
    if one.failure is not None:
        item.FailureReason = one.failure
    return item
