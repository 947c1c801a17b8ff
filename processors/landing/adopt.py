"""Make journal lines anew from the file that they told of, after a power cut has taken them.

Lines are written after their file is synced, and are not synced themselves. So the file says the same: the mark in its
preamble (`mark`), the file meta information with who sent it (`who_sent`), and the data set, whose header is read as it
was when it came.

Adopting an object that was never acknowledged is harmless, as its sender sends it again and that is a duplicate. A kill
may have come before its sync, so it is synced first. Memory and disk must both say what it is: after a sync that failed
they differ, whether a file was to be kept then or its mark was to go.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processors.dicom.errors import DataSetError
from processors.dicom.header_scan import Header, HeaderScan
from processors.dicom.upload.errors import NotPart10Error
from processors.dicom.upload.file_meta import FileMeta
from processors.landing.delivery import ReceivedInstance
from processors.landing.journal import KeptInstance, OpenedDelivery
from processors.landing.mark import MARK_BYTES, Mark, file_name
from processors.landing.who_sent import read

_BLOCK_BYTES: Final = 262144


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a file tells of itself."""

    opened: OpenedDelivery
    """Its delivery, as if it were the first one in it."""
    kept: KeptInstance


def adopted(file: Path) -> Adopted | None:
    """What a file in a delivery's folder tells of itself; None if it was not whole, or is none of this delivery's.

    Raises:
        OSError: it cannot be read or synced.
    """
    with file.open("rb", buffering=0) as content:
        mark = Mark.from_bytes(content.read(MARK_BYTES))
        if mark is None or (mark.delivery_id, file_name(mark.number)) != (file.parent.name, file.name):
            return None
        os.fsync(content.fileno())
        os.posix_fadvise(content.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        content.seek(0)
        if content.read(MARK_BYTES) != mark.to_bytes():
            return None
        content.seek(0)
        reading = _Reading()
        buffer = memoryview(bytearray(_BLOCK_BYTES))
        try:
            while count := content.readinto(buffer):
                reading.feed(buffer[:count])
            header = reading.finish()
        except DataSetError:
            return None
    facts = read(reading.meta.private_information)
    if facts is None or (reading.digest(), reading.size) != (mark.digest, mark.size):
        return None
    opened = OpenedDelivery(
        id=mark.delivery_id,
        association_id=facts.id,
        called_ae=facts.called_ae,
        calling_ae=facts.calling_ae,
        study_instance_uid=header.study_instance_uid,
        series_instance_uid=header.series_instance_uid,
        opened_at=mark.received_at,
        sender=facts.sender,
        project_hint=facts.project_hint,
        hold=facts.hold,
        peer=facts.peer,
    )
    instance = ReceivedInstance(
        file=file.name,
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=reading.meta.transfer_syntax_uid,
        revision=mark.revision,
        digest=mark.digest,
        size=mark.size,
        header=header.facts,
    )
    return Adopted(opened, KeptInstance(received_at=mark.received_at, instance=instance))


class _Reading:
    """Takes a whole file, piece by piece."""

    def __init__(self) -> None:
        self.meta = FileMeta()
        self.size = 0
        self._hash = hashlib.sha256()
        self._scan: HeaderScan | None = None

    def feed(self, data: memoryview) -> None:
        """The next bytes.

        Raises:
            NotPart10Error: this is no Part 10 file.
            MalformedError: the data set is no elements.
        """
        if self._scan is not None:
            self._take(self._scan, data)
            return
        pieces = self.meta.feed(data)
        if self.meta.is_whole:
            self._scan = HeaderScan(self.meta.transfer_syntax_uid)
            for piece in pieces:
                self._take(self._scan, memoryview(piece))

    def finish(self) -> Header:
        """The header, once all bytes have come.

        Raises:
            NotPart10Error: the file ends before its data set.
            TruncatedError: the data set ends inside an element.
            IdentifierError: it has no identifiers.
        """
        if self._scan is None:
            raise NotPart10Error
        return self._scan.finish()

    def digest(self) -> str:
        """SHA-256 of the data set, in hexadecimal digits."""
        return self._hash.hexdigest()

    def _take(self, scan: HeaderScan, data: memoryview) -> None:
        self._hash.update(data)
        scan.feed(data)
        self.size += len(data)
