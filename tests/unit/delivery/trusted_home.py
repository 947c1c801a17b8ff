"""A trusted home with everything in it but NiFi, a clock that tests turn, and a handoff that signs."""

import base64
import hashlib
import io
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from handoff.contract.receipt import Receipt, SignedReceipt
from processors.deid.keys import KeyFile
from processors.delivery.announce import Announcer
from processors.delivery.confirm import Answer, confirm
from processors.delivery.flowfile import Outcome, Reference
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.delivery.workers import Pool
from processors.delivery.workplace import Workplace
from processors.landing.closing import enter_ended
from processors.landing.delivery import Delivery, ReceivedInstance
from processors.landing.durable import write_whole
from processors.landing.filling import timestamp
from processors.landing.journal import AssociationFacts, DuplicateInstance
from processors.ledger import associations, deliveries
from processors.ledger.refusals import Refusals
from processors.ledger.schema import transaction
from processors.site import Site
from tests.builders import ct_slice

RULES = """
version: 1
rules:
  - name: all CT
    when: {modality: CT}
    ship:
      - {destination: handoff, project: lung, profile: research-default}
"""
RELEASE = "f" * 64


def ct(study: str, series: str, **changes: object) -> Dataset:
    """A CT slice with an identity; `changes` are values by keyword."""
    dataset = ct_slice(patient="HOSP-4711", study=study, series=series, rows=16)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    return dataset


def part10(dataset: Dataset) -> bytes:
    """The data set as the receiver keeps it."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Handoff:
    """Signs receipts as the handoff does."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public_key(self) -> str:
        return base64.b64encode(self._raw()).decode()

    def _raw(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def receipt(self, kind: str, id_: str, project: str, sha256: str, size: int) -> str:
        receipt = Receipt.model_validate(
            {
                "kind": kind,
                "id": id_,
                "project": project,
                "sha256": sha256,
                "size": size,
                "key_id": hashlib.sha256(self._raw()).hexdigest()[:16],
            }
        )
        signature = base64.b64encode(self.key.sign(receipt.signed_bytes())).decode()
        return SignedReceipt(receipt=receipt, signature=signature).model_dump_json(by_alias=True)

    def accept(self, entry: dict[str, str], project: str) -> Answer:
        """The answer to a PUT of what a FlowFile points to."""
        body = Path(entry["package.path"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == entry["package.sha256"]
        assert len(body) == int(entry["package.size"])
        kind = "evidence" if entry["kind"] == "evidence" else "shipment"
        return Answer(201, self.receipt(kind, entry["shipment.id"], project, entry["package.sha256"], len(body)))


class TrustedHome:
    """What a hospital's trusted zone has on its disk, and hands that do NiFi's work."""

    def __init__(self, root: Path, pool: Pool, rules: str = RULES, site: str = "") -> None:
        self.root = root
        KeyFile.create(root / "keys" / "site.key")
        (root / "rules.yaml").write_text(rules)
        (root / "sluice.yaml").write_text(site)
        self.clock = Clock()
        self.place = Workplace(Site.load(root), self.clock)
        self.place.layout.prepare()
        self.pool = pool
        self.handoff = Handoff()
        self.association = secrets.token_hex(16)

    def close(self) -> None:
        self.place.close()

    def seal(self, datasets: list[Dataset], association: str = "", revision: int = 1, hold: str | None = None) -> str:
        """A sealed delivery of these instances; returns its id."""
        id_ = secrets.token_hex(16)
        folder = self.place.layout.delivery(id_)
        folder.mkdir()
        instances = tuple(self._write(folder, number, each, revision) for number, each in enumerate(datasets, 1))
        delivery = Delivery(
            id=id_,
            association_id=association or self.association,
            called_ae="FRONTDOOR",
            calling_ae="SCANNER9",
            study_instance_uid=datasets[0].StudyInstanceUID,
            series_instance_uid=datasets[0].SeriesInstanceUID,
            opened_at=timestamp(self.clock()),
            sealed_at=timestamp(self.clock()),
            seal_reason="release",
            total_bytes=sum(instance.size for instance in instances),
            instances=instances,
            hold=hold,
        )
        write_whole(folder / "delivery.json", delivery.to_json())
        at = [self.clock()] * len(instances)
        with transaction(self.place.ledger) as ledger:
            associations.add_open(ledger, self.facts(delivery.association_id))
            deliveries.add_sealed(ledger, delivery, opened_at=at[0], sealed_at=at[0], received_at=at)
        return id_

    def _write(self, folder: Path, number: int, dataset: Dataset, revision: int) -> ReceivedInstance:
        content = part10(dataset)
        (folder / f"{number:06d}.dcm").write_bytes(content)
        keywords = (
            "Modality",
            "PatientID",
            "IssuerOfPatientID",
            "StationName",
            "StudyDescription",
            "SeriesDescription",
        )
        return ReceivedInstance(
            file=f"{number:06d}.dcm",
            sop_instance_uid=dataset.SOPInstanceUID,
            sop_class_uid=dataset.SOPClassUID,
            transfer_syntax_uid=ExplicitVRLittleEndian,
            revision=revision,
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            header={keyword: str(dataset[keyword].value) for keyword in keywords if keyword in dataset},
        )

    def facts(self, association: str) -> AssociationFacts:
        return AssociationFacts(
            id=association, opened_at=self.clock(), calling_ae="SCANNER9", called_ae="FRONTDOOR", peer="127.0.0.1"
        )

    def end(self, duplicates: list[DuplicateInstance] | None = None, association: str = "") -> None:
        """End the association; its evidence waits for treatment."""
        enter_ended(
            self.place.ledger,
            self.place.layout,
            self.facts(association or self.association),
            "released",
            duplicates=duplicates or [],
            refusals=Refusals(),
        )

    def announcer(self) -> Announcer:
        return Announcer(self.place)

    def route(self, reference: Reference) -> list[dict[str, str]]:
        """The FlowFiles that RouteDICOM, SplitJson and EvaluateJsonPath make of an announcement."""
        outcome = route(self.place, reference, RELEASE)
        assert outcome.relationship == "success", outcome
        assert outcome.contents is not None
        entries: list[dict[str, str]] = json.loads(outcome.contents)
        return entries

    def treat(self, entry: dict[str, str]) -> dict[str, str]:
        """The FlowFile after DeidentifyDICOM."""
        outcome = treat(self.place, Reference.read(entry), self.pool)
        assert outcome.relationship == "success", outcome
        return {**entry, **outcome.attributes}

    def confirm(self, entry: dict[str, str], answer: Answer) -> Outcome:
        return confirm(self.place, Reference.read(entry), answer, self.handoff.public_key)

    def deliver(self, announcement: Reference, project: str = "lung") -> list[dict[str, str]]:
        """Everything that happens to one announcement; returns the FlowFiles as they were sent."""
        sent = []
        for routed in self.route(announcement):
            entry = routed if routed["kind"] == "evidence" else self.treat(routed)
            assert self.confirm(entry, self.handoff.accept(entry, project)).relationship == "success"
            sent.append(entry)
        return sent

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.place.ledger.execute(query, values)]


def reference(announcement: object) -> Reference:
    """The FlowFile of an announcement, as RouteDICOM reads it."""
    return Reference.read(announcement.attributes())  # type: ignore[attr-defined]
