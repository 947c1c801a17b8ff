"""Admit evidence of one study: how an association ended, or how many instances a PACS counts. Shipments may follow."""

import time
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from handoff.contract.evidence import Evidence
from handoff.contract.expected import EVIDENCE_MESSAGE, ExpectedCount
from handoff.contract.receipt import SignedReceipt
from handoff.database.engine import Database
from handoff.database.tables import EvidenceMessage
from handoff.errors import BusyError, ConflictError, RefusedError
from handoff.receipts import ReceiptSigner
from handoff.settings import Settings
from handoff.shipments.admit import Admission
from handoff.studies.arrive import study_of


@dataclass(frozen=True, slots=True)
class EvidenceAdmission:
    """What admitting needs; one per process."""

    database: Database
    signer: ReceiptSigner
    settings: Settings

    def admit(self, evidence_id: str, body: bytes, sha256: str) -> Admission:
        """Check the message, record it, sign for it.

        Raises:
            ConflictError: the id stands for another message.
            RefusedError: the message does not keep the contract, or is another one's.
        """
        known = self._known(evidence_id, sha256)
        if known is not None:
            return known
        evidence = _parse(body, evidence_id)
        receipt = self.signer.sign("evidence", evidence_id, sha256, len(body), evidence.project)
        try:
            self._record(evidence, receipt)
        except IntegrityError as error:
            known = self._known(evidence_id, sha256)
            if known is None:
                raise BusyError from error  # the first two messages of one study at one time
            return known
        return Admission(receipt, created=True)

    def _known(self, evidence_id: str, sha256: str) -> Admission | None:
        with self.database.read() as session:
            row = session.get(EvidenceMessage, evidence_id)
        if row is None:
            return None
        if row.sha256 != sha256:
            raise ConflictError("This evidence id already stands for another message.", code="evidence-differs")
        return Admission(SignedReceipt.model_validate(row.receipt), created=False)

    def _record(self, evidence: Evidence | ExpectedCount, receipt: SignedReceipt) -> None:
        now = time.time()
        rules = self.settings.rules_of(evidence.project)
        with self.database.write() as session:
            study = study_of(session, evidence.project, evidence.study_instance_uid, now, rules)
            if isinstance(evidence, ExpectedCount):
                study.expected, study.due_at = evidence.expected, now
            row = EvidenceMessage(
                id=evidence.evidence_id,
                study_id=study.id,
                sha256=receipt.receipt.sha256,
                size=receipt.receipt.size,
                body=evidence.plain(),
                receipt=receipt.plain(),
                received_at=now,
            )
            session.add(row)


def _parse(body: bytes, evidence_id: str) -> Evidence | ExpectedCount:
    try:
        evidence = EVIDENCE_MESSAGE.validate_json(body)
    except ValidationError as error:
        raise RefusedError("The evidence does not keep the contract.", code="evidence-invalid") from error
    if evidence.evidence_id != evidence_id:
        raise RefusedError("The evidence is that of another id.", code="evidence-other-id")
    return evidence
