"""A handoff without its service: database, store and what changes them, for tests that look between two steps."""

import shutil
import time
from pathlib import Path
from typing import Any

from sqlalchemy import select

from handoff.batches.form import BatchForming
from handoff.contract.canonical import canonical_digest
from handoff.database.engine import Database
from handoff.database.tables import Copy, Handoff, PipelineVersion, Study, StudyVersion, TargetPlace
from handoff.handoffs.hold import place_of
from handoff.home import ResearchHome
from handoff.receipts import ReceiptSigner
from handoff.schemas.batches import BatchRequest
from handoff.schemas.withdrawals import WithdrawalRequest
from handoff.settings import Settings
from handoff.shipments.admit import Admission, ShipmentAdmission
from handoff.store.make import open_store
from handoff.studies.content import content_digest, current_instances, truth_of
from handoff.withdrawals.ask import Asked, withdraw
from handoff.withdrawals.certificate import certificate_of, finish
from handoff.withdrawals.copies import note_run
from handoff.withdrawals.gate import wanted_instances
from handoff.withdrawals.purge import Purge
from tests.integration.handoff.packages import Package


class Desk:
    """One research home in this process."""

    def __init__(self, home: Path, template: Path | None) -> None:
        """Open one; with a template of its database as a new one."""
        self.home = ResearchHome.of(home)
        self.home.make()
        if template is not None:
            shutil.copyfile(template, self.home.database)
        self.settings = Settings.load(home)
        self.database = Database(f"sqlite:///{self.home.database}")
        self.store = open_store(self.settings, self.home)
        self.signer = ReceiptSigner.load(self.home.receipt_key)
        self.shipments = ShipmentAdmission(self.database, self.store, self.signer, self.settings)
        self.purge = Purge(self.database, self.home, self.store, place_of(self.home))

    def close(self) -> None:
        self.database.close()

    def deliver(self, package: Package) -> Admission:
        body = self.store.receive()
        try:
            body.write([package.body()])
            return self.shipments.admit(package.id, body)
        finally:
            body.discard()

    def complete(self) -> None:
        """Close every open study, as evidence would."""
        with self.database.write() as session:
            for study in session.scalars(select(Study).where(Study.state == "open")):
                current = current_instances(wanted_instances(session, study.id))
                for instance in current:
                    instance.current = True
                study.state, study.version = "complete", study.version + 1
                study.content, study.truth = content_digest(current), truth_of(current)
                facts = {"content": study.content, "instances": len(current), "closed_by": {}, "closed_at": 0.0}
                session.add(StudyVersion(study_id=study.id, version=study.version, **facts))

    def delivered(self, *packages: Package) -> None:
        """Deliver, and close what was delivered."""
        for package in packages:
            self.deliver(package)
        self.complete()

    def form(self, **facts: Any) -> str:
        request = BatchRequest.model_validate({"project": "lungs", "select": "all", **facts})
        return BatchForming(self.database, self.store).form(request).batch.id

    def handoff(self, batch: str, state: str = "SUCCEEDED", **facts: Any) -> Handoff:
        """A handoff whose run left a file in its result and one in its folder."""
        key = canonical_digest([batch, state, facts])
        with self.database.write() as session:
            if session.get(PipelineVersion, "p") is None:
                about = {"yaml_digest": "", "code_digest": "", "inputs": {}, "registered_at": 0.0}
                session.add(PipelineVersion(id="p", name="p", **about))
                session.add(TargetPlace(target="local", place=place_of(self.home)))
                session.flush()
            named = {"kind": "prepare", "project": "lungs", "target": "local", "pipeline_id": "p", "parameters": {}}
            row = Handoff(**{**named, **facts}, id=key[:32], key=key, batch_id=batch, state=state, created_at=1.0)
            session.add(row)
            session.flush()
            note_run(session, row)
        for folder in (self.home.results / key / "volumes", self.home.runs / key):
            folder.mkdir(parents=True)
            (folder / "left").write_text("pixels")
        return row

    def withdraw(self, *packages: Package, project: str = "lungs") -> Asked:
        request = WithdrawalRequest(
            project=project, shipments=tuple(package.id for package in packages), reason="consent-withdrawn"
        )
        return withdraw(self.database, request, "olga")

    def work(self, withdrawal: str) -> bool:
        """Purge once; whether it has ended."""
        self.purge.work(withdrawal)
        return finish(self.database, self.signer, withdrawal)

    def certificate(self, withdrawal: str):
        with self.database.read() as session:
            return certificate_of(session, withdrawal)

    def end(self, handoff: Handoff, state: str = "CANCELED") -> None:
        """What a worker does at the end of a run."""
        with self.database.write() as session:
            row = session.get_one(Handoff, handoff.id)
            row.state, row.ended_at = state, time.time()

    def get(self, table: Any, key: Any) -> Any:
        with self.database.read() as session:
            return session.get(table, key)

    def copies(self) -> list[tuple[str, str]]:
        """Kind and state of every copy."""
        with self.database.read() as session:
            return sorted((copy.kind, copy.state) for copy in session.scalars(select(Copy)))

    def files(self) -> set[str]:
        """What is in the store."""
        return set(self.store.files.paths())
