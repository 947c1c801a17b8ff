"""The Storage service class as provider (PS3.4 annex B): one C-STORE from its first byte to its status.

Algorithm:
    1. Refuse at once what is no storage class or has no room.
    2. Write file head and data set to a part file; hash it and scan its header from the same buffer.
    3. Compare the identifiers in the data set with the command's.
    4. Give the part file to the association, which makes it durable in a delivery or knows it already.
"""

import errno
import sqlite3
import time
from collections.abc import Callable

from processors.dicom import status
from processors.dicom.account import Account, RefusedReception
from processors.dicom.engine import Reception, StoreCommand
from processors.dicom.errors import DataSetError
from processors.dicom.event_log import EventLog, Fact
from processors.dicom.header_scan import HeaderScan, is_uid
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.part10 import file_head
from processors.dicom.part_file import PartFile
from processors.dicom.pressure import DESCRIPTORS, DISK, NoStrain, Strain
from processors.dicom.sop_class import is_storage
from processors.dicom.status import Refusal
from processors.landing.association import ArrivedInstance, OpenAssociation
from processors.ledger.associations import Ending

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE}


class StorageAssociation:
    """Takes the objects of one association."""

    def __init__(
        self,
        association: OpenAssociation,
        has_room: Callable[[int], bool],
        log: EventLog,
        metrics: ReceiverMetrics,
        strain: Strain | None = None,
    ) -> None:
        """Begin.

        Args:
            association: Where objects go.
            has_room: Whether so many bytes more would leave the reserve untouched; they count as written.
            log: For the one line at the end.
            metrics: Counts what is answered.
            strain: What the receiver runs short of; None if somebody else sees to that.
        """
        self._association = association
        self._has_room = has_room
        self._strain: Strain = strain or NoStrain()
        self._account = Account(association, log, metrics)

    def heard(self) -> None:
        """Bytes have come in."""
        self._association.heard()

    def begin(self, command: StoreCommand) -> Reception:
        """A C-STORE begins; while something runs short it is refused before its first byte."""
        refusal = self._strain.refusal()
        if refusal is not None:
            return self.refuse(command, refusal)
        return StoreReception(self._account, command, self._has_room, self._strain)

    def refuse(self, command: StoreCommand, refusal: Refusal) -> Reception:
        """A C-STORE begins that is refused, whatever it brings."""
        return RefusedReception(self._account, command, refusal)

    def refused(self, refusal: Refusal) -> int:
        """An object is refused of which not even a C-STORE could begin; returns the status."""
        return self._account.answered(None, refusal, 0, 0.0)

    def ended(self, ending: Ending, **more: Fact) -> None:
        """Seal, and write the association's one line, with what else is known of it."""
        one = self._association
        one.end(ending)
        self._account.ended(ending, **more)


class StoreReception:
    """One object on its way in."""

    def __init__(
        self, account: Account, command: StoreCommand, has_room: Callable[[int], bool], strain: Strain
    ) -> None:
        self._began = time.perf_counter()
        self._account = account
        self._command = command
        self._has_room = has_room
        self._strain = strain
        self._size = 0
        self._scan = HeaderScan(command.transfer_syntax_uid)
        self._head = b""
        self._part: PartFile | None = None
        self._is_kept = False
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
        if self._refusal is not None:
            self._discard()
        return self._account.answered(self._command, self._refusal, self._size, time.perf_counter() - self._began)

    def abandon(self) -> None:
        """The rest will not come."""
        self._close()
        self._discard()
        self._account.unfinished()

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
            self._refusal = status.write_failed(code)
            if error.errno in _NO_SPACE:
                self._ran_short(DISK, status.no_space(), is_certain=True)
            elif error.errno in _NO_DESCRIPTOR:
                self._ran_short(DESCRIPTORS, status.no_descriptor(), is_certain=True)
        except sqlite3.Error as error:
            self._account.log.fault("ledger-unreadable", error)
            self._refusal = status.no_ledger()
        except Exception as error:  # noqa: BLE001 - the outermost loop of a C-STORE: a fault of ours is never Success
            self._account.log.fault("store-fault", error)
            self._refusal = status.unreadable("fault")

    def _ran_short(self, kind: str, refusal: Refusal, *, is_certain: bool = False) -> None:
        """Give back what this object holds, then say what there was too little of: its own part is no evidence."""
        self._refusal = refusal
        self._close()
        self._discard()
        self._strain.doubt(kind, is_certain=is_certain)

    def _open(self) -> None:
        command = self._command
        if not is_storage(command.sop_class_uid):
            raise status.not_storage()
        if not (is_uid(command.sop_class_uid) and is_uid(command.sop_instance_uid)):
            raise status.unreadable("no-identifier")
        if not self._has_room(0):
            self._ran_short(DISK, status.no_space())
            return
        self._head = file_head(
            command.sop_class_uid,
            command.sop_instance_uid,
            command.transfer_syntax_uid,
            self._account.association.who_sent,
        )

    def _append(self, pieces: tuple[bytes | memoryview, ...]) -> None:
        size = sum(map(len, pieces))
        if not self._has_room(size):
            self._ran_short(DISK, status.no_space())
            return
        if self._part is None:
            self._part = self._new_part()
        self._part.write(*pieces)
        for piece in pieces:
            self._scan.feed(memoryview(piece))
        self._size += size

    def _new_part(self) -> PartFile:
        """The first bytes have come: only now there is a file."""
        part = PartFile(self._account.association.new_part(), self._head)
        self._account.metrics.part_opened()
        return part

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
        self._account.association.store(
            ArrivedInstance(
                part=self._part.path,
                sop_instance_uid=header.sop_instance_uid,
                sop_class_uid=header.sop_class_uid,
                study_instance_uid=header.study_instance_uid,
                series_instance_uid=header.series_instance_uid,
                transfer_syntax_uid=self._command.transfer_syntax_uid,
                digest=self._part.digest(),
                size=self._size,
                header=header.facts,
                descriptor=self._part.descriptor,
            )
        )
        self._is_kept = True

    def _close(self) -> None:
        if self._part is not None and self._part.is_open:
            self._part.close()
            self._account.metrics.part_closed()

    def _discard(self) -> None:
        part, self._part = self._part, None
        if part is not None and not self._is_kept:
            self._account.association.discard(part.path)
