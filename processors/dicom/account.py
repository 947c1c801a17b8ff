"""What became of the objects of one association: counted, and said in one line each for what was refused and the whole.

Neither line has a value of a patient, nor an instance's UID: what identifies an object is in the ledger alone.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from processors.dicom.causes import printable
from processors.dicom.engine import StoreCommand
from processors.dicom.event_log import EventLog, Fact
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.status import SUCCESS, Refusal
from processors.landing.association import OpenAssociation
from processors.ledger.associations import Ending

_UID: Final = re.compile(r"[0-9.]{1,64}")


class Account:
    """Of one association, in its own thread."""

    def __init__(
        self,
        association: OpenAssociation,
        log: EventLog,
        metrics: ReceiverMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            association: What the landing knows of it.
            log: Gets the lines.
            metrics: Counts what is answered.
            clock: Monotonic seconds.
        """
        self.association, self.log, self.metrics, self._clock = association, log, metrics, clock
        self._began = clock()
        self._by_status: Counter[int] = Counter()
        self._bytes = 0
        self._unfinished = 0
        metrics.association_opened(association.facts.sender)

    def answered(self, command: StoreCommand | None, refusal: Refusal | None, size: int, seconds: float) -> int:
        """An object was answered; returns its status.

        Args:
            command: Its C-STORE; None if not even that could begin.
            refusal: Why it was refused; None if it is durable.
            size: Of its data set as far as it was taken, in bytes.
            seconds: Since its first byte.
        """
        answer = SUCCESS if refusal is None else refusal.status
        self._by_status[answer] += 1
        self.metrics.answered(answer, size, seconds, self.association.facts.sender)
        if refusal is None:
            self._bytes += size
        else:
            self.association.refuse(refusal.status, refusal.reason)
            self._say_refused(command, refusal)
        return answer

    def unfinished(self) -> None:
        """An object began and its rest will not come."""
        self._unfinished += 1

    def ended(self, ending: Ending, **more: Fact) -> None:
        """The association has ended and its deliveries are sealed; `more` is what others know of it."""
        one, facts = self.association, self.association.facts
        self.metrics.association_ended(ending, one.again.total(), facts.sender)
        self.log.write(
            "association",
            id=facts.id,
            sender=facts.sender,
            calling_ae=printable(facts.calling_ae),
            called_ae=printable(facts.called_ae),
            peer=facts.peer,
            ending=ending,
            kept=one.kept_count,
            duplicates=one.again.total(),
            refused=len(one.refusals),
            unfinished=self._unfinished,
            deliveries=one.delivery_count,
            objects={f"{answer:04X}": count for answer, count in sorted(self._by_status.items())},
            bytes=self._bytes,
            seconds=round(self._clock() - self._began, 3),
            **more,
        )

    def _say_refused(self, command: StoreCommand | None, refusal: Refusal) -> None:
        facts = self.association.facts
        self.log.write(
            "refused",
            association=facts.id,
            sender=facts.sender,
            calling_ae=printable(facts.calling_ae),
            peer=facts.peer,
            sop_class=None if command is None else _uid(command.sop_class_uid),
            transfer_syntax=None if command is None else _uid(command.transfer_syntax_uid),
            status=f"{refusal.status:04X}",
            cause=refusal.reason,
        )


class RefusedReception:
    """An object that is refused before its first byte: nothing is opened, hashed or kept for it, and its bytes pass."""

    def __init__(self, account: Account, command: StoreCommand, refusal: Refusal) -> None:
        self._account, self._command, self._refusal = account, command, refusal

    def write(self, *pieces: bytes | memoryview) -> None:
        """Let the bytes pass."""

    def finish(self) -> int:
        """The refusal."""
        return self._account.answered(self._command, self._refusal, 0, 0.0)

    def abandon(self) -> None:
        """The rest will not come."""
        self._account.unfinished()


def _uid(text: str) -> str:
    """A UID by its keyword of PS3.6; what is shaped like none may be anything, and is not said."""
    from pydicom._uid_dict import UID_dictionary

    if not _UID.fullmatch(text):
        return "no UID"
    return UID_dictionary[text][4] or text if text in UID_dictionary else text
