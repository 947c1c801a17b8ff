"""A modality that stores and asks for storage commitment, and listens for the answer; by pynetdicom."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, StorageCommitmentPushModel

from nifi.distribution.ports import unused_port
from tests.waiting import wait_for

HOST = "127.0.0.1"
WELL_KNOWN = "1.2.840.10008.1.20.1.1"


class Modality:
    """One device; `listen` makes it reachable on the port that it has from the beginning."""

    def __init__(self, ae_title: str = "CT1") -> None:
        self.entity = AE(ae_title)
        self.port = unused_port()
        self.answers: list[tuple[int, Dataset]] = []
        self.status = 0
        self._server: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()

    def listen(self) -> None:
        """Take reports from now on."""
        entity = AE(self.entity.ae_title)
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        self._server = entity.start_server(
            (HOST, self.port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, self._hear)]
        )

    def _hear(self, event: Any) -> tuple[int, None]:
        self.answers.append((event.event_type, event.event_information))
        return self.status, None

    def store_and_ask(self, port: int, files: Sequence[Path], transaction: str | None = None) -> tuple[int, str]:
        """Store files, and over the same association ask whether they are kept: status and Transaction UID."""
        self.entity.requested_contexts = []
        self.entity.add_requested_context(CTImageStorage, [ExplicitVRLittleEndian])
        self.entity.add_requested_context(StorageCommitmentPushModel, [ImplicitVRLittleEndian])
        association = self.entity.associate(HOST, port, ae_title="SLUICE")
        assert association.is_established
        objects = [dcmread(file) for file in files]
        for one in objects:
            assert association.send_c_store(one).Status == 0
        asked = Dataset()
        asked.TransactionUID = transaction or generate_uid()
        asked.ReferencedSOPSequence = [_item(one) for one in objects]
        status, _ = association.send_n_action(asked, 1, StorageCommitmentPushModel, WELL_KNOWN)
        association.release()
        return int(status.Status), str(asked.TransactionUID)

    def heard(self, number: int = 1) -> list[tuple[int, Dataset]]:
        """The answers, once there are so many."""
        wait_for(lambda: len(self.answers) >= number)
        return self.answers


def _item(one: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
    return item
