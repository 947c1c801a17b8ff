"""Make a journal line anew from the file that it told of, after a power cut has taken the line.

A line is written after its file is synced, and is not synced itself. So its file says the same: the mark in its
preamble (`mark`), the file meta information, and the data set, whose header is read as it was when it came.

Adopting an object that was never acknowledged is harmless, as its sender sends it again and that is a duplicate. A kill
may have come before its sync, so it is synced first. Memory and disk must both say what it is: after a sync that failed
they differ, whether a file was to be kept then or its mark was to go.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from processors.dicom.errors import DataSetError
from processors.dicom.header_scan import Header, HeaderScan
from processors.dicom.upload.errors import NotPart10Error
from processors.dicom.upload.file_meta import FileMeta
from processors.landing.delivery import ReceivedInstance
from processors.landing.journal import KeptInstance, OpenedDelivery
from processors.landing.mark import MARK_BYTES, Mark, file_name

_BLOCK_BYTES: Final = 262144


def adopted(file: Path, opened: OpenedDelivery) -> KeptInstance | None:
    """The line of a file in the delivery's folder; None if the file was not whole, or is none of this delivery's.

    Raises:
        OSError: it cannot be read or synced.
    """
    with file.open("rb", buffering=0) as content:
        mark = Mark.from_bytes(content.read(MARK_BYTES))
        if mark is None or mark.delivery_id != opened.id or file_name(mark.number) != file.name:
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
    series = header.study_instance_uid, header.series_instance_uid
    said = mark.digest, mark.size
    if (reading.digest(), reading.size) != said or series != (opened.study_instance_uid, opened.series_instance_uid):
        return None
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
    return KeptInstance(received_at=mark.received_at, instance=instance)


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
