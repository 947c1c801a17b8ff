"""Builders of packages and evidence, as the trusted side would make them."""

import hashlib
import io
import secrets
import struct
import zipfile
from dataclasses import dataclass, field

from handoff.contract.canonical import canonical_json
from handoff.contract.evidence import AnnouncedShipment, Evidence
from handoff.contract.shipment import Instance, Manifest, member_name

CT = "1.2.840.10008.5.1.4.1.1.2"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"


def new_id() -> str:
    return secrets.token_hex(16)


def new_uid() -> str:
    return f"2.25.{10**35 + secrets.randbelow(9 * 10**35)}"


def part10(dataset: bytes) -> bytes:
    """A Part 10 file: preamble, a file meta group with its length, the data set."""
    uid = b"1.2.840.10008.1.2.1\x00"
    version = struct.pack("<HH2sHL", 2, 1, b"OB", 0, 2) + b"\x00\x01"
    meta = version + struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    return bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(meta)) + meta + dataset


def element(seed: bytes, size: int = 64) -> bytes:
    """A data set of one element: pixel data of `size` bytes."""
    pixels = (hashlib.sha256(seed).digest() * (size // 32 + 1))[:size]
    return struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size) + pixels


@dataclass
class Package:
    """A package with one series; `members` may be spoilt before `body` is built."""

    instances: list[Instance]
    members: dict[str, bytes]
    project: str = "lungs"
    patient: str = "P0001"
    study: str = field(default_factory=new_uid)
    series: str = field(default_factory=new_uid)
    modality: str = "CT"
    id: str = field(default_factory=new_id)
    withheld: dict[str, int] = field(default_factory=dict)
    treatment: dict[str, str] = field(default_factory=lambda: {"profile": "basic"})

    @classmethod
    def of(cls, count: int, size: int = 64, annotates: tuple[str, ...] = (), **facts: object) -> "Package":
        """`count` instances; with `annotates` they are annotations that refer to these UIDs."""
        instances, members = [], {}
        for _ in range(count):
            uid = new_uid()
            dataset = element(uid.encode(), size)
            members[member_name(uid)] = part10(dataset)
            instances.append(
                Instance(
                    sop_instance_uid=uid,
                    sop_class_uid=SEG if annotates else CT,
                    member=member_name(uid),
                    digest=hashlib.sha256(dataset).hexdigest(),
                    size=len(members[member_name(uid)]),
                    references=annotates,
                    annotation=bool(annotates),
                )
            )
        return cls(instances, members, modality="SEG" if annotates else "CT", **facts)  # type: ignore[arg-type]

    @property
    def manifest(self) -> Manifest:
        return Manifest(
            shipment_id=self.id,
            project=self.project,
            patient=self.patient,
            study_instance_uid=self.study,
            series_instance_uid=self.series,
            modality=self.modality,
            instances=tuple(self.instances),
            withheld=self.withheld,
            treatment=self.treatment,
        )

    def body(self, compression: int = zipfile.ZIP_STORED) -> bytes:
        content = {"manifest.json": canonical_json(self.manifest), **self.members}
        return make_zip(content, compression)

    @property
    def uids(self) -> tuple[str, ...]:
        return tuple(instance.sop_instance_uid for instance in self.instances)


def make_zip(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name], compression)
    return stream.getvalue()


def evidence_for(*packages: Package, ending: str = "released", **counts: int) -> Evidence:
    """Evidence of one association that sent these packages, all of one study."""
    shipments = tuple(
        AnnouncedShipment(id=p.id, delivered=len(p.instances), withheld=sum(p.withheld.values())) for p in packages
    )
    total = sum(s.delivered + s.withheld for s in shipments) + sum(counts.values())
    return Evidence.model_validate(
        {
            "evidence_id": new_id(),
            "project": packages[0].project,
            "study_instance_uid": packages[0].study,
            "ending": ending,
            "shipments": shipments,
            "total": total,
            **counts,
        }
    )
