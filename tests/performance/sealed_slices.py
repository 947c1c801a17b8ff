"""Seals distinct CT slices straight into a landing, as a receiver would have left them."""

import hashlib
import io
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from processors.landing.closing import enter_ended, enter_sealed
from processors.landing.delivery import Delivery, ReceivedInstance
from processors.landing.durable import write_whole
from processors.landing.filling import MAXIMUM_INSTANCES, SealedDelivery, timestamp
from processors.landing.journal import AssociationFacts
from processors.landing.layout import Layout
from processors.ledger.refusals import Refusals
from processors.ledger.schema import connect
from tests.builders import ct_slice

UID_LENGTH = 44


def uid() -> str:
    """A UID of always the same length, so that it can be patched into a template."""
    return "2.25." + str(10**38 + secrets.randbelow(9 * 10**38)).ljust(UID_LENGTH - 5, "0")[: UID_LENGTH - 5]


class Template:
    """One slice with realistic pixels; each copy has its own UIDs and position."""

    def __init__(self, rows: int) -> None:
        self._uids = {"sop": uid(), "study": uid(), "series": uid()}
        dataset = ct_slice(rows=rows, study=self._uids["study"], series=self._uids["series"], patient="PATIENT01")
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = self._uids["sop"]
        noise = np.random.default_rng(1).normal(0, 40, (rows, rows))
        dataset.PixelData = (noise + 1000).astype(np.int16).tobytes()
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        self.bytes = buffer.getvalue()
        self.header = {
            "Modality": "CT",
            "PatientID": "PATIENT01",
            "Manufacturer": str(dataset.Manufacturer),
            "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
        }

    def copy(self, sop: str, study: str, series: str, patient: str) -> bytes:
        """The template's bytes under other UIDs and another patient, of the same length."""
        copy = self.bytes
        for name, new in (("sop", sop), ("study", study), ("series", series)):
            copy = copy.replace(self._uids[name].encode(), new.encode())
        return copy.replace(b"PATIENT01", patient.encode())


def seal(trusted: Path, slices: int, rows: int = 512) -> Iterator[int]:
    """Seal slices of `rows` x `rows` pixels: deliveries of 512, each an association and a study of its own.

    Yields how many are sealed, after each delivery.
    """
    layout = Layout(trusted / "landing")
    layout.prepare()
    template, ledger = Template(rows), connect(trusted / "ledger.db")
    sealed = 0
    while sealed < slices:
        count = min(MAXIMUM_INSTANCES, slices - sealed)
        _seal_one(layout, ledger, template, count, f"PATIENT{sealed // MAXIMUM_INSTANCES % 90 + 10}")
        sealed += count
        yield sealed
    ledger.close()


def _seal_one(layout: Layout, ledger: object, template: Template, count: int, patient: str) -> None:
    now, id_, study, series = time.time(), secrets.token_hex(16), uid(), uid()
    facts = AssociationFacts(
        id=secrets.token_hex(16), opened_at=now, calling_ae="BENCH", called_ae="SLUICE", peer="127.0.0.1"
    )
    folder = layout.delivery(id_)
    folder.mkdir(mode=0o700)
    instances = tuple(_write(folder, number, template, (study, series, patient)) for number in range(1, count + 1))
    delivery = Delivery(
        id=id_,
        association_id=facts.id,
        called_ae=facts.called_ae,
        calling_ae=facts.calling_ae,
        study_instance_uid=study,
        series_instance_uid=series,
        opened_at=timestamp(now),
        sealed_at=timestamp(now),
        seal_reason="count",
        total_bytes=sum(each.size for each in instances),
        instances=instances,
    )
    write_whole(folder / "delivery.json", delivery.to_json())
    enter_sealed(ledger, SealedDelivery(delivery, now, now, (now,) * count))
    enter_ended(ledger, layout, facts, "released", duplicates=[], refusals=Refusals())


def _write(folder: Path, number: int, template: Template, names: tuple[str, str, str]) -> ReceivedInstance:
    study, series, patient = names
    sop = uid()
    content = template.copy(sop, study, series, patient)
    (folder / f"{number:06d}.dcm").write_bytes(content)
    return ReceivedInstance(
        file=f"{number:06d}.dcm",
        sop_instance_uid=sop,
        sop_class_uid=CTImageStorage,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        revision=1,
        digest=hashlib.sha256(content).hexdigest(),
        size=len(content),
        header={**template.header, "PatientID": patient},
    )
