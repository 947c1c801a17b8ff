"""Labels as they were imported: recorded, then a receipt. What their rows label may arrive later, or never."""

import time

from sqlalchemy import insert
from sqlalchemy.orm import Session

from handoff.contract.labels import Labels
from handoff.contract.receipt import SignedReceipt
from handoff.database.engine import Database
from handoff.database.tables import LabelDocument, LabelRowRecord
from handoff.documents import DocumentAdmission, Kind
from handoff.receipts import ReceiptSigner
from handoff.rules.occasions import labels_came
from handoff.withdrawals.gate import hold_shared
from handoff.withdrawals.labels import drop_labels_of_document

LabelAdmission = DocumentAdmission[Labels]


def label_admission(database: Database, signer: ReceiptSigner) -> LabelAdmission:
    """What `PUT /v1/labels/{id}` calls."""
    kind = Kind("labels", "labels-differ", LabelDocument, Labels.model_validate_json, _identify, _record)
    return DocumentAdmission(database, signer, kind)


def _identify(labels: Labels) -> tuple[str, str]:
    return labels.labels_id, labels.project


def _record(session: Session, labels: Labels, receipt: SignedReceipt) -> None:
    hold_shared(session)  # or rows that a withdrawal looked for would be committed right after it looked
    now = time.time()
    document = LabelDocument(
        id=labels.labels_id,
        project=labels.project,
        source=labels.source,
        revision=labels.revision,
        rows=len(labels.rows),
        sha256=receipt.receipt.sha256,
        size=receipt.receipt.size,
        receipt=receipt.plain(),
        received_at=now,
    )
    rows = [
        {
            "document_id": labels.labels_id,
            "project": labels.project,
            "source": labels.source,
            "revision": labels.revision,
            "level": row.level,
            "patient": row.patient,
            "study_uid": row.study,
            "series_uid": row.series,
            "sop_instance_uid": row.sop_instance_uid,
            "labels": row.labels,
        }
        for row in labels.rows
    ]
    session.add(document)
    session.flush()
    session.execute(insert(LabelRowRecord), rows)
    drop_labels_of_document(session, labels.labels_id)
    labels_came(session, labels.project, now)
