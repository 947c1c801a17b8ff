"""Admit a label document: recorded, then a receipt. What its rows label may arrive later, or never."""

import time
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from handoff.contract.labels import Labels
from handoff.contract.receipt import SignedReceipt
from handoff.database.engine import Database
from handoff.database.tables import LabelDocument, LabelRowRecord
from handoff.errors import BusyError, ConflictError, RefusedError
from handoff.receipts import ReceiptSigner
from handoff.shipments.admit import Admission


@dataclass(frozen=True, slots=True)
class LabelAdmission:
    """What admitting needs; one per process."""

    database: Database
    signer: ReceiptSigner

    def admit(self, labels_id: str, body: bytes, sha256: str) -> Admission:
        """Check the document, record it, sign for it.

        Raises:
            ConflictError: the id stands for another document.
            RefusedError: the document does not keep the contract, or is another one's.
        """
        known = self._known(labels_id, sha256)
        if known is not None:
            return known
        labels = _parse(body, labels_id)
        receipt = self.signer.sign("labels", labels_id, sha256, len(body), labels.project)
        try:
            self._record(labels, receipt)
        except IntegrityError as error:
            known = self._known(labels_id, sha256)
            if known is None:
                raise BusyError from error
            return known
        return Admission(receipt, created=True)

    def _known(self, labels_id: str, sha256: str) -> Admission | None:
        with self.database.read() as session:
            row = session.get(LabelDocument, labels_id)
        if row is None:
            return None
        if row.sha256 != sha256:
            raise ConflictError("This id already stands for other labels.", code="labels-differ")
        return Admission(SignedReceipt.model_validate(row.receipt), created=False)

    def _record(self, labels: Labels, receipt: SignedReceipt) -> None:
        document = LabelDocument(
            id=labels.labels_id,
            project=labels.project,
            source=labels.source,
            revision=labels.revision,
            rows=len(labels.rows),
            sha256=receipt.receipt.sha256,
            size=receipt.receipt.size,
            receipt=receipt.plain(),
            received_at=time.time(),
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
        with self.database.write() as session:
            session.add(document)
            session.flush()
            session.execute(insert(LabelRowRecord), rows)


def _parse(body: bytes, labels_id: str) -> Labels:
    try:
        labels = Labels.model_validate_json(body)
    except ValidationError as error:
        raise RefusedError("The labels do not keep the contract.", code="labels-invalid") from error
    if labels.labels_id != labels_id:
        raise RefusedError("The labels are those of another id.", code="labels-other-id")
    return labels
