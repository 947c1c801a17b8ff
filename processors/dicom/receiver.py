"""The receiver as a whole: everything that `sluice receive` is made of is put together here."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from processors.dicom.admission import Caller
from processors.dicom.admitted import AdmittedAssociation
from processors.dicom.commitment.reporter import Reporter
from processors.dicom.commitment.service import CommitmentService
from processors.dicom.engine import Engine, Peer
from processors.dicom.event_log import EventLog
from processors.dicom.garbage import leave_alone_what_stays
from processors.dicom.gate import Gate
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.performed_step.service import PerformedStepService
from processors.dicom.pressure import LEDGER, Pressure
from processors.dicom.resources import resources
from processors.dicom.services import PERFORMED_STEP, STORAGE_COMMITMENT, Service
from processors.dicom.silence_watch import SilenceWatch
from processors.dicom.storage_scp import StorageAssociation
from processors.dicom.trouble_book import TroubleBook
from processors.landing.association import OpenAssociation
from processors.landing.closing import duplicating, sealing
from processors.landing.closing import ending as ending_of
from processors.landing.deleted import despite_deletion
from processors.landing.delivery import SealReason
from processors.landing.errors import LandingUnusableError
from processors.landing.filling import Filling, new_id
from processors.landing.idle import IdleWatch
from processors.landing.journal import AssociationFacts, DuplicateInstance
from processors.landing.known import Claim, KnownInstances
from processors.landing.layout import Layout
from processors.landing.lock import hold
from processors.landing.notify import Notifier
from processors.landing.recover import recover
from processors.landing.room import Room
from processors.landing.slots import Slots
from processors.ledger import associations, instances
from processors.ledger.associations import Ending
from processors.ledger.commitments import Commitment
from processors.ledger.schema import connect, connect_readonly
from processors.ledger.writer import LedgerWriter
from processors.limits import ReceiverLimits
from processors.peers import Peers

_REFUSED_TOLD_SECONDS: Final = 60.0
"""Least time between two troubles about entries that the ledger refuses."""


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """What a receiver needs to know."""

    landing: Path
    ledger: Path
    reserve_bytes: int
    """Free disk below which objects are refused."""
    idle_seconds: float = 10.0
    """Deliveries of an association are sealed after so long without a byte on it."""
    manage: Callable[[ReceiverMetrics], None] = lambda _: None
    """Gets the receiver's metrics once there are any."""
    gate: Gate | None = None
    """Looks after the peers file and the files of TLS."""
    limits: ReceiverLimits = field(default_factory=ReceiverLimits)
    most_descriptors: int | None = None
    """The highest file descriptor that the engine can use; None for the system's limit."""
    time_zone: str = "UTC"
    """IANA zone in which a day begins."""


def run(
    settings: ReceiverSettings,
    engine: Engine,
    log: EventLog,
    ready: Callable[[str, int], None],
    wait: Callable[[], object],
) -> None:
    """Receive until `wait` returns; `ready` is called with host and port once associations are accepted.

    Raises:
        LandingUnusableError: the landing cannot be written or has no space.
        LandingTakenError: another receiver works on it.
        LedgerError: the ledger cannot be used.
        ListenError: the port cannot be listened on.
    """
    layout = Layout(settings.landing)
    layout.prepare()
    with hold(layout.receiver_lock, "receiver"):
        if layout.free_bytes() < settings.reserve_bytes:
            raise LandingUnusableError(
                f"The disk of {layout.root} has {layout.free_bytes() >> 20} MB left, the reserve is"
                f" {settings.reserve_bytes >> 20} MB."
            )
        with closing(connect(settings.ledger)) as connection:
            log.write("recovered", **asdict(recover(layout, connection)))
        receiver = Receiver(settings, layout, log)
        settings.manage(receiver.metrics)
        if settings.gate is not None:
            settings.gate.bound(receiver.pressure.congestion, settings.ledger)
            settings.gate.open(receiver.troubled, receiver.peers_changed, receiver.metrics)
        try:
            receiver.pressure.watch(settings.limits.look)
            leave_alone_what_stays()
            ready(*engine.start(receiver))
            wait()
            log.write("stopping")
            receiver.is_stopping = True
            engine.stop(settings.limits.stop_grace)
        finally:
            if settings.gate is not None:
                settings.gate.close()
            receiver.close()
        log.write("stopped")


class Receiver:
    """Gives each association what it needs, and enters into the ledger what associations report."""

    def __init__(self, settings: ReceiverSettings, layout: Layout, log: EventLog) -> None:
        self._settings = settings
        self._layout = layout
        self._log = log
        self._notifier = Notifier(layout.notify)
        self._room = Room(layout.free_bytes, settings.reserve_bytes)
        self._known = KnownInstances(lambda uid: instances.earlier(self._reader, uid))
        self._idle = IdleWatch(settings.idle_seconds, time.monotonic, log.fault)
        self.metrics = ReceiverMetrics(settings.ledger, layout.free_bytes, time.time)
        self.pressure = Pressure(
            resources(
                settings.limits,
                reserve_bytes=settings.reserve_bytes,
                free_bytes=layout.free_bytes,
                ledger=settings.ledger,
                queued=lambda: self._writer.waiting,
                is_broken=lambda: self._writer.is_broken,
                most_descriptors=settings.most_descriptors,
            ),
            relief=settings.limits.relief,
            hold_seconds=settings.limits.hold,
            log=log,
            tell=lambda cause, detail: self.troubled(Caller("", "", ""), cause, detail),
        )
        self.metrics.watch(self.pressure)
        self._refused_told_until = 0.0
        self._writer = LedgerWriter(settings.ledger, self._ledger_fault, self._notifier.notify)
        self.metrics.gauge(
            "sluice_ledger_rows_waiting", "Rows in memory that wait for the ledger", lambda: self._writer.waiting
        )
        self._troubles = TroubleBook(log, self.metrics, self._writer)
        self._reader = connect_readonly(settings.ledger, check_same_thread=False)
        peers = settings.gate.peers if settings.gate is not None else Peers
        self._silences = SilenceWatch(settings.ledger, peers, ZoneInfo(settings.time_zone), time.time)
        self._silences.open(self._troubles.note, self._writer.submit, log, self.metrics.registry)
        self._reporter = Reporter(
            layout,
            settings.ledger,
            peers=peers,
            is_on_its_way=self._known.is_on_its_way,
            tell=self._commitment_troubled,
            report=log.fault,
        )
        self._commitments = CommitmentService(
            layout,
            connect(settings.ledger, check_same_thread=False),
            has_room=self._room.take,
            taken=self._reporter.wake,
            report=log.fault,
        )
        self._performed_steps = PerformedStepService(
            layout,
            connect(settings.ledger, check_same_thread=False),
            peers,
            has_room=self._room.take,
            tell=self._troubled_over,
            changed=self._notifier.notify,
            report=log.fault,
        )
        self._services: dict[str, Service] = {
            STORAGE_COMMITMENT: self._commitments,
            PERFORMED_STEP: self._performed_steps,
        }
        """Who answers what is no storage, by SOP class; each is a row of `processors.dicom.services.SERVED`."""
        self._slots = Slots(layout.slots, new_id)
        self._brought: dict[str, list[tuple[str, str, int]]] = {}
        """Study, delivery and number of instances of what was sealed, by association, until it ends."""
        self.is_stopping = False
        """Whether what is aborted from now on is aborted by us."""

    def opened(self, peer: Peer) -> AdmittedAssociation:
        """An association has been accepted."""
        facts = AssociationFacts(
            id=new_id(),
            opened_at=time.time(),
            calling_ae=peer.calling_ae,
            called_ae=peer.called_ae,
            peer=peer.address,
            sender=peer.admission.peer,
            project_hint=peer.admission.project,
            hold=peer.admission.hold,
        )
        self._writer.submit(lambda connection: associations.add_open(connection, facts))
        association = OpenAssociation(
            self._layout, facts, self._known, self, self._slots, clock=time.time, elapsed=time.monotonic
        )
        self._idle.watch(association)
        storage = StorageAssociation(association, self._room.take, self._log, self.metrics, self.pressure)
        return AdmittedAssociation(
            storage,
            association,
            peer.admission,
            metrics=self.metrics,
            tell=lambda cause, detail: self._troubled_over(cause, facts, detail),
            is_stopping=lambda: self.is_stopping,
            services=self._services,
            log=self._log,
        )

    def troubled(self, caller: Caller, cause: str, detail: str = "", peer: str = "") -> None:
        """There was a connection and no association came of it."""
        self._troubles.note(
            cause,
            calling_ae=caller.calling_ae,
            called_ae=caller.called_ae,
            address=caller.address,
            peer=peer,
            detail=detail,
        )

    def peers_changed(self, senders: int) -> None:
        """Another peers file holds from now on."""
        self._log.write("peers-changed", senders=senders)

    def seal(self, filling: Filling, reason: SealReason, at: float, claims: list[Claim]) -> None:
        """Seal a delivery and enter it, in the writer's thread."""
        if filling.kept:
            brought = (filling.opened.study_instance_uid, filling.opened.id, len(filling.kept))
            self._brought.setdefault(filling.opened.association_id, []).append(brought)
        work = sealing(filling, reason, at, lambda: self._known.committed(claims))
        self._writer.submit(despite_deletion(work, filling, lambda: self._files_missing(filling)))

    def came_again(self, facts: AssociationFacts, duplicates: list[DuplicateInstance]) -> None:
        """Enter instances that were here already, in the writer's thread."""
        self._writer.submit(duplicating(facts, duplicates))

    def ended(self, association: OpenAssociation, ending: Ending) -> None:
        """Enter how an association ended, in the writer's thread, after all its deliveries."""
        self._idle.forget(association)
        self._writer.submit(
            ending_of(
                self._layout,
                association.facts,
                ending,
                brought=self._brought.pop(association.facts.id, ()),
                again=association.again,
                refusals=association.refusals,
            )
        )

    def close(self) -> None:
        """Enter all that was reported, then let go of everything."""
        self.pressure.close()
        self._silences.close()
        self._idle.close()
        self._reporter.close()
        self._commitments.close()
        self._performed_steps.close()
        self._reader.close()
        self._writer.close()
        self._slots.close()
        self._notifier.close()

    def _ledger_fault(self, event: str, error: BaseException) -> None:
        """Work for the ledger must be tried again, or was given up; in the writer's thread."""
        self._log.fault(event, error)
        if event == "ledger-broken":
            self.pressure.doubt(LEDGER, is_certain=True)
        elif event == "ledger-fault":
            self.metrics.entry_refused()
            if time.monotonic() >= self._refused_told_until:  # this is an entry too
                self._refused_told_until = time.monotonic() + _REFUSED_TOLD_SECONDS
                self.troubled(Caller("", "", ""), "ledger-entry-refused", type(error).__name__)

    def _files_missing(self, filling: Filling) -> None:
        """A delivery was entered without its files; in the writer's thread."""
        one = filling.opened
        self._troubles.note(
            "files-missing",
            calling_ae=one.calling_ae,
            called_ae=one.called_ae,
            address=one.peer,
            peer=one.sender or "",
            detail=f"{len(filling.kept)} objects, delivery {one.id}",
            association=one.association_id,
        )

    def _commitment_troubled(self, one: Commitment, cause: str, detail: str) -> None:
        self._troubles.note(
            cause,
            calling_ae=one.calling_ae,
            called_ae=one.called_ae,
            address=one.address,
            peer=one.peer,
            detail=detail,
            association=one.association_id,
        )

    def _troubled_over(self, cause: str, facts: AssociationFacts, detail: str) -> None:
        """Something is wrong with what came over an association."""
        self._troubles.note(
            cause,
            calling_ae=facts.calling_ae,
            called_ae=facts.called_ae,
            address=facts.peer,
            peer=facts.sender or "",
            detail=detail,
            association=facts.id,
        )
