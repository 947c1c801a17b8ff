"""Admit a shipment: durable in store and database, then a receipt; a repeat gets the same receipt.

The transaction that records it lets no withdrawal in between, so a shipment is either withdrawn before it is recorded,
and refused, or recorded, and found by its withdrawal. A package whose bytes are being purged, as those of another
shipment, is looked for once more there: a receipt never stands for bytes that went away meanwhile.
"""

import time
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.contract.receipt import SignedReceipt
from handoff.contract.shipment import Manifest
from handoff.database.engine import Database
from handoff.database.tables import Instance, Shipment
from handoff.errors import BusyError, ConflictError, PackageError, WithdrawnError
from handoff.lineage.log import record
from handoff.receipts import ReceiptSigner
from handoff.settings import Settings
from handoff.shipments.package import verify_package
from handoff.shipments.stream import MemberStream
from handoff.shipments.unadmitted import drop_unadmitted
from handoff.store import Incoming, Store
from handoff.store.files import held, is_there
from handoff.store.store import package_path
from handoff.studies.arrive import study_of
from handoff.withdrawals.copies import PRESENT, note_copy
from handoff.withdrawals.gate import hold_alone, hold_shared, require_wanted
from handoff.withdrawals.kinds import package_uri


@dataclass(frozen=True, slots=True)
class Admission:
    """The receipt, and whether this request made it."""

    receipt: SignedReceipt
    created: bool


@dataclass(frozen=True, slots=True)
class ShipmentAdmission:
    """What admitting needs; one per process."""

    database: Database
    store: Store
    signer: ReceiptSigner
    settings: Settings

    def admit(self, shipment_id: str, body: Incoming, who: Principal | None = None) -> Admission:
        """Check the body, keep it, record it, sign for it.

        Raises:
            ConflictError: the id stands for other bytes.
            ForbiddenError: it is for a project that `who` may not deliver for.
            PackageError: the package is not what it says; nothing was stored.
            WithdrawnError: the shipment was withdrawn, before or while it came.
        """
        known = self._known(shipment_id, body, who)
        if known is not None:
            return known
        seen = body.watch.seen if isinstance(body.watch, MemberStream) else {}
        manifest = verify_package(body.path, shipment_id, self.settings.max_package_members, seen)
        if who is not None:
            who.require_delivery(manifest.project)
        sha256, size = body.sha256, body.size
        with self.database.write() as session:
            require_wanted(session, shipment_id)
            note_copy(session, "package", package_uri(sha256), shipment=shipment_id)
        self.store.files.keep(body, package_path(sha256))
        receipt = self.signer.sign("shipment", shipment_id, sha256, size, manifest.project)
        try:
            with self.database.write() as session:
                self._record(session, manifest, receipt)
        except IntegrityError as error:
            # Two deliveries of one id at one time: the other one was first, so its row decides.
            known = self._known(shipment_id, body)
            if known is None:
                raise BusyError from error  # the first two shipments of one study at one time
            return known
        except (PackageError, WithdrawnError):
            self._forget(sha256)
            raise
        return Admission(receipt, created=True)

    def _known(self, shipment_id: str, body: Incoming, who: Principal | None = None) -> Admission | None:
        with self.database.read() as session:
            require_wanted(session, shipment_id)
            row = session.get(Shipment, shipment_id)
        if row is None:
            return None
        if who is not None:
            who.require_delivery(row.project)
        if row.sha256 != body.sha256:
            raise ConflictError("This shipment id already stands for another package.", code="shipment-differs")
        return Admission(SignedReceipt.model_validate(row.receipt), created=False)

    def require_wanted(self, shipment_id: str) -> None:
        """Refuse a shipment before its body is read.

        Raises:
            WithdrawnError: it was withdrawn.
        """
        with self.database.read() as session:
            require_wanted(session, shipment_id)

    def _forget(self, sha256: str) -> None:
        """Remove a package that was kept and then refused."""
        with held(self.store.files, package_path(sha256)), self.database.write() as session:
            hold_alone(session)
            drop_unadmitted(session, self.store, sha256)

    def _record(self, session: Session, manifest: Manifest, receipt: SignedReceipt) -> None:
        hold_shared(session)
        require_wanted(session, manifest.shipment_id)
        self._require_there(session, receipt)
        now = time.time()
        rules = self.settings.rules_of(manifest.project)
        study = study_of(session, manifest.project, manifest.study_instance_uid, now, rules)
        if study.patient not in (None, manifest.patient):
            raise PackageError("The study already belongs to another patient.", code="study-of-two-patients")
        study.patient = manifest.patient
        session.add(_shipment(manifest, receipt, study.id, now))
        session.flush()
        session.execute(insert(Instance), _instances(manifest, study.id))
        counts = {"delivered": len(manifest.instances), "withheld": sum(manifest.withheld.values())}
        record(session, "shipment-arrived", ("shipment", manifest.shipment_id), manifest.project, **counts)

    def _require_there(self, session: Session, receipt: SignedReceipt) -> None:
        """Let a package pass whose bytes nobody removed since they were kept.

        Raises:
            BusyError: they were purged, as those of another shipment; they are sent again.
        """
        sha256, size = receipt.receipt.sha256, receipt.receipt.size
        before = note_copy(session, "package", package_uri(sha256), shipment=receipt.receipt.id)
        if before != PRESENT and not is_there(self.store.files, package_path(sha256), size):
            raise BusyError


def _shipment(manifest: Manifest, receipt: SignedReceipt, study_id: int, now: float) -> Shipment:
    return Shipment(
        id=manifest.shipment_id,
        project=manifest.project,
        study_id=study_id,
        patient=manifest.patient,
        series_uid=manifest.series_instance_uid,
        modality=manifest.modality,
        sha256=receipt.receipt.sha256,
        size=receipt.receipt.size,
        delivered=len(manifest.instances),
        withheld=sum(manifest.withheld.values()),
        withheld_by=dict(manifest.withheld),
        treatment=dict(manifest.treatment),
        replaces=manifest.replaces,
        receipt=receipt.plain(),
        received_at=now,
    )


def _instances(manifest: Manifest, study_id: int) -> list[dict[str, object]]:
    return [
        {
            "shipment_id": manifest.shipment_id,
            "study_id": study_id,
            "sop_instance_uid": instance.sop_instance_uid,
            "sop_class_uid": instance.sop_class_uid,
            "digest": instance.digest,
            "size": instance.size,
            "revision": instance.revision,
            "annotation": instance.annotation,
            "references": list(instance.references),
            "current": False,
        }
        for instance in manifest.instances
    ]
