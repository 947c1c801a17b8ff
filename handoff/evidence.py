"""Evidence of one study: how an association ended, what was committed, how many there should be."""

import time

from sqlalchemy.orm import Session

from handoff.contract.commitment import StorageCommitment
from handoff.contract.expected import EVIDENCE_MESSAGE, EvidenceDocument, ExpectedCount, ExpectedSeries
from handoff.contract.performed import PerformedStep
from handoff.contract.receipt import SignedReceipt
from handoff.database.engine import Database
from handoff.database.tables import EvidenceMessage
from handoff.documents import DocumentAdmission, Kind
from handoff.receipts import ReceiptSigner
from handoff.settings import Settings
from handoff.studies.arrive import study_of

EvidenceAdmission = DocumentAdmission[EvidenceDocument]
_DECIDES_AT_ONCE = (StorageCommitment, PerformedStep, ExpectedCount, ExpectedSeries)
"""What may close a study without the usual silence, so that it is judged as soon as it came."""


def evidence_admission(database: Database, signer: ReceiptSigner, settings: Settings) -> EvidenceAdmission:
    """What `PUT /v1/evidence/{id}` calls."""

    def record(session: Session, evidence: EvidenceDocument, receipt: SignedReceipt) -> None:
        now = time.time()
        rules = settings.rules_of(evidence.project)
        study = study_of(session, evidence.project, evidence.study_instance_uid, now, rules)
        if isinstance(evidence, ExpectedCount):
            study.expected = evidence.expected
        if isinstance(evidence, _DECIDES_AT_ONCE):
            study.due_at = now
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

    return DocumentAdmission(
        database, signer, Kind("evidence", "evidence-differs", EvidenceMessage, _read, _identify, record)
    )


def _read(body: bytes) -> EvidenceDocument:
    return EVIDENCE_MESSAGE.validate_json(body)


def _identify(evidence: EvidenceDocument) -> tuple[str, str]:
    return evidence.evidence_id, evidence.project
