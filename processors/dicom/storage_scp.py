"""The Storage service class as provider (PS3.4 annex B): one C-STORE from its first byte to its status.

Algorithm:
    1. Refuse at once what is no storage class or has no room.
    2. Write file head and data set to a part file; hash it and scan its header from the same buffer.
    3. Compare the identifiers in the data set with the command's.
    4. Give the part file to the association, which makes it durable in a delivery or knows it already.
"""

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Callable

from processors.dicom import status
from processors.dicom.engine import StoreCommand
from processors.dicom.errors import DataSetError
from processors.dicom.event_log import EventLog
from processors.dicom.header_scan import HeaderScan
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.part10 import file_head
from processors.dicom.sop_class import is_storage
from processors.dicom.status import Refusal
from processors.landing.association import ArrivedInstance, OpenAssociation
from processors.landing.durable import write_all
from processors.ledger.associations import Ending

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


class StorageAssociation:
    """Takes the objects of one association."""

    def __init__(
        self, association: OpenAssociation, has_room: Callable[[int], bool], log: EventLog, metrics: ReceiverMetrics
    ) -> None:
        """Begin.

        Args:
            association: Where objects go.
            has_room: Whether so many bytes more would leave the reserve untouched.
            log: For the one line at the end.
            metrics: Counts what is answered.
        """
        self._association = association
        self._has_room = has_room
        self._log = log
        self._metrics = metrics

    def heard(self) -> None:
        """Bytes have come in."""
        self._association.heard()

    def begin(self, command: StoreCommand) -> "StoreReception":
        """A C-STORE begins."""
        return StoreReception(self._association, command, self._has_room, self._log, self._metrics)

    def ended(self, ending: Ending) -> None:
        """Seal, and write the association's one line."""
        one = self._association
        one.end(ending)
        self._metrics.association_ended(ending, len(one.duplicates))
        self._log.write(
            "association",
            id=one.facts.id,
            calling_ae=one.facts.calling_ae,
            called_ae=one.facts.called_ae,
            peer=one.facts.peer,
            ending=ending,
            kept=one.kept_count,
            duplicates=len(one.duplicates),
            refused=len(one.refusals),
            deliveries=one.delivery_count,
        )


class StoreReception:
    """One object on its way in."""

    def __init__(
        self,
        association: OpenAssociation,
        command: StoreCommand,
        has_room: Callable[[int], bool],
        log: EventLog,
        metrics: ReceiverMetrics,
    ) -> None:
        self._began = time.perf_counter()
        self._metrics = metrics
        self._association = association
        self._command = command
        self._has_room = has_room
        self._log = log
        self._hash = hashlib.sha256()
        self._size = 0
        self._scan = HeaderScan(command.transfer_syntax_uid)
        self._head = b""
        self._part: str | None = None
        self._descriptor = -1
        self._refusal: Refusal | None = None
        self._attempt(self._open)

    def write(self, *pieces: bytes | memoryview) -> None:
        """Take the next bytes of the data set."""
        if self._refusal is None:
            self._attempt(lambda: self._append(pieces))

    def finish(self) -> int:
        """The status to answer with; on return the object is durable or gone."""
        if self._refusal is None:
            self._attempt(self._store)
        self._close()
        answer = status.SUCCESS
        if self._refusal is not None:
            self._discard()
            self._association.refuse(self._refusal.status, self._refusal.reason)
            answer = self._refusal.status
        self._metrics.answered(answer, self._size, time.perf_counter() - self._began)
        return answer

    def abandon(self) -> None:
        """The rest will not come."""
        self._close()
        self._discard()

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do a step; whatever goes wrong becomes the refusal of this object and of nothing else."""
        try:
            step()
        except Refusal as refusal:
            self._refusal = refusal
        except DataSetError as error:
            self._refusal = status.unreadable(error.code)
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "EIO")
            self._refusal = status.no_space() if error.errno in _NO_SPACE else status.write_failed(code)
        except Exception as error:  # noqa: BLE001 - the outermost loop of a C-STORE: a fault of ours is never Success
            self._log.fault("store-fault", error)
            self._refusal = status.unreadable("fault")

    def _open(self) -> None:
        command = self._command
        if not is_storage(command.sop_class_uid):
            raise status.not_storage()
        if not self._has_room(0):
            raise status.no_space()
        self._head = file_head(command.sop_class_uid, command.sop_instance_uid, command.transfer_syntax_uid)

    def _append(self, pieces: tuple[bytes | memoryview, ...]) -> None:
        size = sum(map(len, pieces))
        if not self._has_room(size):
            raise status.no_space()
        if self._part is None:
            self._begin_part(pieces)
        else:
            write_all(self._descriptor, *pieces)
        for piece in pieces:
            self._hash.update(piece)
            self._scan.feed(memoryview(piece))
        self._size += size

    def _begin_part(self, pieces: tuple[bytes | memoryview, ...]) -> None:
        """The first bytes have come: only now there is a file."""
        part = self._association.new_part()
        self._descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._part = part
        write_all(self._descriptor, self._head, *pieces)

    def _store(self) -> None:
        header = self._scan.finish()
        if header.sop_instance_uid != self._command.sop_instance_uid:
            raise status.mismatch("SOPInstanceUID")
        if header.sop_class_uid != self._command.sop_class_uid:
            raise status.mismatch("SOPClassUID")
        if self._command.study_instance_uid not in {None, header.study_instance_uid}:
            raise status.mismatch("StudyInstanceUID")
        if self._part is None:
            raise AssertionError
        self._association.store(
            ArrivedInstance(
                part=self._part,
                sop_instance_uid=header.sop_instance_uid,
                sop_class_uid=header.sop_class_uid,
                study_instance_uid=header.study_instance_uid,
                series_instance_uid=header.series_instance_uid,
                transfer_syntax_uid=self._command.transfer_syntax_uid,
                digest=self._hash.hexdigest(),
                size=self._size,
                header=header.facts,
                descriptor=self._descriptor,
            )
        )
        self._part = None

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _discard(self) -> None:
        if self._part is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._part)  # noqa: PTH108 - a name of ours
            self._part = None
