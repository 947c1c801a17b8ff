"""Packages of any size that take no disk and no memory: one data set, sent as often as the package has members."""

import hashlib
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from handoff.contract.canonical import canonical_json
from handoff.contract.shipment import MANIFEST_MEMBER, Instance, Manifest, member_name
from handoff.shipments.dataset import dataset_offset
from tests.integration.handoff.packages import CT, new_id, new_uid, part10

_LOCAL = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_DATE = 0x21
"""1980-01-01."""
MEMBER = 4 << 20


@dataclass(frozen=True)
class LargePackage:
    """A package by the pieces of its body."""

    id: str
    size: int
    sha256: str
    pieces: tuple[bytes, ...]

    @classmethod
    def of(cls, size: int, project: str = "bench", member: int = MEMBER) -> "LargePackage":
        """About `size` bytes of one series, in members of about `member` bytes."""
        pixels = secrets.token_bytes(member)
        file = part10(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, len(pixels)) + pixels)
        identifier, members = new_id(), [new_uid() for _ in range(max(1, size // member))]
        digest = hashlib.sha256(file[dataset_offset(file) :]).hexdigest()
        instances = tuple(_instance(uid, digest, len(file)) for uid in members)
        manifest = Manifest(
            shipment_id=identifier,
            project=project,
            patient=f"P{secrets.token_hex(4)}",
            study_instance_uid=new_uid(),
            series_instance_uid=new_uid(),
            modality="CT",
            instances=instances,
            withheld={},
            treatment={"profile": "basic"},
        )
        contents = [(item.member, file) for item in instances] + [(MANIFEST_MEMBER, canonical_json(manifest))]
        pieces = tuple(_zip(contents))
        hashed = hashlib.sha256()
        for piece in pieces:
            hashed.update(piece)
        return cls(identifier, sum(map(len, pieces)), hashed.hexdigest(), pieces)


def _instance(uid: str, digest: str, size: int) -> Instance:
    return Instance(
        sop_instance_uid=uid,
        sop_class_uid=CT,
        member=member_name(uid),
        digest=digest,
        size=size,
        references=(),
        annotation=False,
    )


def _zip(contents: list[tuple[str, bytes]]) -> Iterator[bytes]:
    """A stored ZIP, as long as its offsets fit 32 bits."""
    directory, at = [], 0
    checksums: dict[int, int] = {}
    for name, content in contents:
        crc = checksums.setdefault(id(content), zlib.crc32(content))
        path = name.encode()
        facts = 20, 0, zipfile.ZIP_STORED, 0, _DATE, crc, len(content), len(content), len(path), 0
        directory.append(_ENTRY.pack(b"PK\x01\x02", 20, *facts, 0, 0, 0, 0, at) + path)
        yield _LOCAL.pack(b"PK\x03\x04", *facts) + path
        yield content
        at += _LOCAL.size + len(path) + len(content)
    entries = b"".join(directory)
    yield entries + _END.pack(b"PK\x05\x06", 0, 0, len(directory), len(directory), len(entries), at, 0)
