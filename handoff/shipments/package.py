"""A package is what its manifest says, or it is refused with a reason code.

1. The ZIP is stored, has no overlap, and holds `manifest.json`.
2. The manifest keeps the contract and is that of this shipment.
3. Members and manifest name the same instances, with the same sizes.
4. Each member is a Part 10 file whose data set has the digest of the manifest, and its ZIP checksum is right.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from pydantic import ValidationError
from zlib_ng.zlib_ng import crc32

from handoff.contract.shipment import MANIFEST_MEMBER, Instance, Manifest
from handoff.errors import PackageError
from handoff.shipments.archive import Member, read_members
from handoff.shipments.dataset import dataset_offset
from handoff.shipments.stream import SeenMember

_LARGEST_MANIFEST = 64 << 20
_BLOCK = 1 << 20
"""Bytes read at once; no file meta group of ours comes near it."""


def verify_package(
    path: Path, shipment_id: str, most_members: int, seen: Mapping[int, SeenMember] = MappingProxyType({})
) -> Manifest:
    """Check a package and return its manifest.

    Args:
        path: the package.
        shipment_id: what it was sent as.
        most_members: the largest number of members to look at.
        seen: bytes that were hashed when they came in, by their offset; neither they nor their headers are read again.

    Raises:
        PackageError: something disagrees; `code` says what.
    """
    size = path.stat().st_size
    if size == 0:
        raise PackageError("The package is empty.", code="zip-invalid")
    with path.open("rb") as file:
        headers = {start - len(known.header): known.header for start, known in seen.items() if known.header}
        members = read_members(file, size, most_members, headers)  # (1)
        manifest = _read_manifest(file, members)
        if manifest.shipment_id != shipment_id:  # (2)
            raise PackageError("The manifest is that of another shipment.", code="manifest-other-shipment")
        _check_names(manifest, members)  # (3)
        buffer = memoryview(bytearray(_BLOCK))
        for instance in manifest.instances:  # (4)
            member = members[instance.member]
            known = seen.get(member.start)
            if known is None or known.size != member.size or known.digest is None:
                known = _read_instance(file, member, buffer)
            _check_instance(member, known, instance)
    return manifest


def _read_manifest(file: BinaryIO, members: dict[str, Member]) -> Manifest:
    member = members.get(MANIFEST_MEMBER)
    if member is None or member.size > _LARGEST_MANIFEST:
        raise PackageError("The package has no manifest, or one of absurd size.", code="manifest-missing")
    file.seek(member.start)
    text = file.read(member.size)
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise PackageError("The manifest does not keep the contract.", code="manifest-invalid") from error


def _check_names(manifest: Manifest, members: dict[str, Member]) -> None:
    listed = {instance.member: instance.size for instance in manifest.instances}
    found = {name: member.size for name, member in members.items() if name != MANIFEST_MEMBER}
    if listed.keys() != found.keys():
        raise PackageError("Manifest and members name different instances.", code="members-differ")
    if listed != found:
        raise PackageError("A member has another size than the manifest says.", code="member-size")


def _read_instance(file: BinaryIO, member: Member, buffer: memoryview) -> SeenMember:
    """Digest and checksum of one member, read once, block by block."""
    digest = hashlib.sha256()
    checksum = 0
    left = member.size
    file.seek(member.start)
    while left:
        size = file.readinto(buffer[: min(left, len(buffer))])  # type: ignore[attr-defined]
        block = buffer[:size]
        checksum = crc32(block, checksum)
        digest.update(block[_dataset_begin(block) :] if left == member.size else block)
        left -= size
    return SeenMember(member.size, digest.hexdigest(), checksum)


def _check_instance(member: Member, found: SeenMember, instance: Instance) -> None:
    if found.digest != instance.digest:
        raise PackageError("A member has another digest than the manifest says.", code="member-digest")
    if found.crc != member.crc:
        raise PackageError("A member has another checksum than the ZIP says.", code="member-checksum")


def _dataset_begin(block: memoryview) -> int:
    offset = dataset_offset(block)
    if offset is None:
        raise PackageError("A member is no DICOM Part 10 file.", code="member-not-dicom")
    return offset
