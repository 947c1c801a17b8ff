"""A landing with a fake clock and books that enter at once: what a receiver is without a network."""

import hashlib
import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from processors.dicom.part10 import file_head
from processors.landing.association import ArrivedInstance, OpenAssociation
from processors.landing.closing import enter_ended, enter_sealed
from processors.landing.delivery import Delivery, SealReason, is_sealed, read_delivery
from processors.landing.filling import Filling, new_id
from processors.landing.journal import AssociationFacts, DuplicateInstance
from processors.landing.known import Claim, KnownInstances
from processors.landing.layout import Layout
from processors.landing.slots import Slots
from processors.ledger import instances
from processors.ledger.associations import Ending
from processors.ledger.schema import connect


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    """An element, explicit VR little endian."""
    value += b"\0" * (len(value) % 2)
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    size = b"\0\0" + len(value).to_bytes(4, "little") if vr == b"OW" else len(value).to_bytes(2, "little")
    return head + size + value


def data_set(uid: str, *, study: str = "1.9", series: str = "1.9.1", pixels: bytes = b"pixels") -> bytes:
    """A data set with identifiers, a modality and pixels, explicit VR little endian."""
    return (
        element(8, 0x16, b"UI", str(CTImageStorage).encode())
        + element(8, 0x18, b"UI", uid.encode())
        + element(8, 0x60, b"CS", b"CT")
        + element(0x20, 0xD, b"UI", study.encode())
        + element(0x20, 0xE, b"UI", series.encode())
        + element(0x7FE0, 0x10, b"OW", pixels)
    )


class Desk:
    """Opens associations and stores made-up instances in them."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "landing")
        self.layout.prepare()
        self.ledger_file = folder / "ledger.db"
        self.ledger = connect(self.ledger_file, check_same_thread=False)
        self.now = 1_700_000_000.0
        self.known = KnownInstances(lambda uid: instances.earlier(self.ledger, uid))
        self.sealed: list[Delivery] = []
        self.again: dict[str, list[DuplicateInstance]] = {}
        self.enters = True
        self.slots = Slots(self.layout.slots, new_id)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self.ledger.close()

    def associate(self, called: str = "LUNG") -> OpenAssociation:
        facts = AssociationFacts(id=new_id(), opened_at=self.now, calling_ae="CT1", called_ae=called, peer="192.0.2.1")
        return OpenAssociation(self.layout, facts, self.known, self, self.slots, clock=lambda: self.now)

    def store(
        self,
        association: OpenAssociation,
        uid: str = "",
        *,
        content: bytes = b"",
        series: str = "1.9.1",
        study: str = "1.9",
        size: int | None = None,
    ) -> str:
        """Store an instance; returns its UID. `size` claims another size than `content` has."""
        uid = uid or f"1.2.{next(self._numbers)}"
        content = content or uid.encode()
        part = Path(association.new_part())
        part.write_bytes(file_head(CTImageStorage, uid, ExplicitVRLittleEndian, association.who_sent) + content)
        association.store(
            ArrivedInstance(
                part=part,
                sop_instance_uid=uid,
                sop_class_uid=CTImageStorage,
                study_instance_uid=study,
                series_instance_uid=series,
                transfer_syntax_uid=ExplicitVRLittleEndian,
                digest=hashlib.sha256(content).hexdigest(),
                size=len(content) if size is None else size,
                header={"Modality": "CT"},
            )
        )
        return uid

    def seal(self, filling: Filling, reason: SealReason, at: float, claims: list[Claim]) -> None:
        sealed = filling.seal(reason, at)
        self.sealed.append(sealed.delivery)
        if self.enters:
            enter_sealed(self.ledger, sealed)
            self.known.committed(claims)
            filling.let_go()

    def came_again(self, facts: AssociationFacts, duplicates: list[DuplicateInstance]) -> None:
        self.again.setdefault(facts.id, []).extend(duplicates)

    def ended(self, association: OpenAssociation, ending: Ending) -> None:
        if self.enters:
            enter_ended(
                self.ledger,
                self.layout,
                association.facts,
                ending,
                duplicates=self.again.pop(association.facts.id, []),
                refusals=association.refusals,
            )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the ledger says, to a reader of its own."""
        with closing(sqlite3.connect(self.ledger_file)) as connection:
            return connection.execute(query).fetchall()

    def reasons(self) -> list[str]:
        return [delivery.seal_reason for delivery in self.sealed]

    def counts(self) -> list[int]:
        return [len(delivery.instances) for delivery in self.sealed]

    def on_disk(self) -> list[Delivery]:
        folders = sorted(self.layout.deliveries.iterdir())
        return [read_delivery(folder) for folder in folders if is_sealed(folder)]
