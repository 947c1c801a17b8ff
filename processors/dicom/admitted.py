"""An association as its admission allows it: slowed down or refused beyond its peer's limits, its oddities told.

| what | when it is told |
|---|---|
| contexts that were refused | as the association begins |
| a certificate that ends soon | as the association begins |
| what the engine noticed | at once |
| an abort, a lost connection, refused objects, nothing sent at all | as it ends, unless the engine named the cause |
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

from processors.dicom import status
from processors.dicom.admission import CONTEXT_CAUSES, Admission
from processors.dicom.engine import Reception, StoreCommand
from processors.dicom.event_log import EventLog, Fact
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.services import (
    PROCESSING_FAILURE,
    UNRECOGNIZED_OPERATION,
    Service,
    ServiceAnswer,
    ServiceRequest,
)
from processors.dicom.storage_scp import StorageAssociation
from processors.landing.association import OpenAssociation
from processors.ledger.associations import Ending

SOON_SECONDS: Final = 30 * 86400.0
"""Certificates that end within this time are told of."""
Tell = Callable[[str, str], None]


class AdmittedAssociation:
    """What an engine tells of one association, between the engine and the landing."""

    def __init__(
        self,
        storage: StorageAssociation,
        association: OpenAssociation,
        admission: Admission,
        *,
        metrics: ReceiverMetrics,
        tell: Tell,
        is_stopping: Callable[[], bool],
        services: Mapping[str, Service],
        log: EventLog,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin.

        Args:
            storage: Takes the objects.
            association: What the landing knows of it.
            admission: On what terms; closed when the association has ended.
            metrics: Counts refusals.
            tell: Told each cause and its detail.
            is_stopping: Whether the receiver is ending, so that an abort is its own.
            services: Who answers what is no storage, by SOP class.
            log: For faults of theirs.
            wait: Waits so many seconds before an answer.
        """
        self._storage, self._association, self._admission = storage, association, admission
        self._metrics, self._tell, self._is_stopping, self._wait = metrics, tell, is_stopping, wait
        self._services, self._log = services, log
        self._told: set[str] = set()
        """What explains the end, should it be a bad one."""
        self._refused_for_day = False
        for cause, detail in admission.refused_contexts():
            self._tell(cause, detail)
            if cause != "some-contexts-refused":  # it can send nothing, and may well end by a dropped connection
                self._told.add(cause)
        self._look_at_certificate()

    def heard(self) -> None:
        """Bytes have come in."""
        self._storage.heard()

    def begin(self, command: StoreCommand) -> Reception:
        """A C-STORE begins."""
        if not self._admission.allowance.is_limited:
            return self._storage.begin(command)
        if self._admission.allowance.used_up():
            if not self._refused_for_day:
                self._refused_for_day = True
                self.troubled("day-used-up", str(self._admission.allowance.bytes_per_day))
            return self._storage.refuse(command, status.day_used_up())
        return _Paced(self._storage.begin(command), self._admission, self._wait)

    def serve(self, request: ServiceRequest) -> ServiceAnswer:
        """A request of a service other than storage; a fault of ours is never Success."""
        service = self._services.get(request.sop_class_uid)
        if service is None:
            return ServiceAnswer(UNRECOGNIZED_OPERATION)
        try:
            return service.serve(request, self._association.facts)
        except Exception as error:  # noqa: BLE001 - the outermost loop of a request
            self._log.fault("service-fault", error)
            return ServiceAnswer(PROCESSING_FAILURE)

    def refuse(self, refusal: status.Refusal) -> int:
        """An object is refused of which not even a C-STORE could begin."""
        return self._storage.refused(refusal)

    def troubled(self, cause: str, detail: str = "") -> None:
        """Something is odd; each cause is told once of one association, and of contexts the admission knows best."""
        if cause not in self._told and cause not in CONTEXT_CAUSES:
            self._told.add(cause)
            self._tell(cause, detail)

    def ended(self, ending: Ending) -> None:
        """Tell what is left to tell, seal, give the place back."""
        try:
            self._storage.ended(ending, **self._what_it_was(ending))
            self._tell_end(ending)
        finally:
            self._admission.close()

    def _what_it_was(self, ending: Ending) -> dict[str, Fact]:
        """For the association's line: what was agreed on, and what explains its end."""
        accepted, refused = self._admission.contexts()
        return {
            "tls": int(self._admission.certificate is not None),
            "contexts": {"accepted": accepted, "refused": refused},
            "cause": ", ".join(sorted(self._told)) or ("stopping" if self._is_stopping() else ending),
        }

    def _tell_end(self, ending: Ending) -> None:
        one = self._association
        came = one.kept_count + one.again.total()
        if self._admission.hold is not None and one.kept_count:
            self._tell("quarantined", "")
        if one.refusals:
            refused = one.refusals.by_cause().most_common()
            said = ", ".join(f"{status_:04X} {reason} x {times}" for (status_, reason), times in refused)
            self._tell("objects-refused", said)
        if self._told or one.refusals or self._is_stopping():
            return
        if ending != "released":
            self._tell(ending, "")
        elif not came and not self._admission.may_verify and not self._admission.may_ask:
            self._tell("no-objects", "")

    def _look_at_certificate(self) -> None:
        certificate = self._admission.certificate
        if certificate is not None and certificate.expires_at - time.time() < SOON_SECONDS:
            self._tell("peer-certificate-expires", in_days(certificate.expires_at, time.time()))


class _Paced:
    """An object of a peer that may have a pace."""

    def __init__(self, inner: Reception, admission: Admission, wait: Callable[[float], None]) -> None:
        self._inner, self._allowance, self._wait = inner, admission.allowance, wait
        self._size = 0

    def write(self, *pieces: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._size += sum(map(len, pieces))
        self._inner.write(*pieces)

    def finish(self) -> int:
        """The status, once the peer's pace allows it; the object is durable or gone before that."""
        answer = self._inner.finish()
        seconds = self._allowance.came(self._size, is_kept=answer == status.SUCCESS)
        if seconds > 0:
            self._wait(seconds)
        return answer

    def abandon(self) -> None:
        """The rest will not come."""
        self._inner.abandon()


def in_days(at: float, now: float) -> str:
    """A time in Unix seconds, as people say it of a certificate's end."""
    days = int(abs(at - now) // 86400)
    return f"{days} days ago" if at < now else f"in {days} days"
