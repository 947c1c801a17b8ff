"""Admit a document of the trusted side: recorded, then a receipt; a repeat gets the same receipt.

What differs between evidence and labels is data: a `Kind` says how a document is read and what is recorded of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, cast

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.contract.document import Document
from handoff.contract.receipt import SignedReceipt
from handoff.database.engine import Database
from handoff.database.tables import EvidenceMessage, LabelDocument
from handoff.errors import BusyError, ConflictError, RefusedError
from handoff.receipts import ReceiptSigner
from handoff.shipments.admit import Admission

Said = TypeVar("Said", bound=Document)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Said]):
    """One kind of document.

    Args:
        name: what receipts and codes call it.
        differs: the code of a second document under one id.
        table: where it is recorded, with its digest and its receipt.
        read: parses a body; raises ValidationError where it does not keep the contract.
        identify: the id and the project that the document itself names.
        record: writes the rows, in the caller's transaction.
    """

    name: Literal["evidence", "labels"]
    differs: Literal["evidence-differs", "labels-differ"]
    table: type[EvidenceMessage] | type[LabelDocument]
    read: Callable[[bytes], Said]
    identify: Callable[[Said], tuple[str, str]]
    record: Callable[[Session, Said, SignedReceipt], None]


@dataclass(frozen=True, slots=True)
class DocumentAdmission(Generic[Said]):
    """What admitting needs; one per process and kind."""

    database: Database
    signer: ReceiptSigner
    kind: Kind[Said]

    def admit(self, document_id: str, body: bytes, sha256: str, who: Principal | None = None) -> Admission:
        """Check the document, record it, sign for it.

        Raises:
            ForbiddenError: it is for a project that `who` may not deliver for.
            BusyError: the first two documents of one study came at one time, and this was the second.
            ConflictError: the id stands for another document.
            RefusedError: the document does not keep the contract, or is another one's.
        """
        known = self._known(document_id, sha256)
        if known is not None:
            _require(who, known.receipt.receipt.project)
            return known
        said, project = self._read(body, document_id)
        _require(who, project)
        receipt = self.signer.sign(self.kind.name, document_id, sha256, len(body), project)
        try:
            with self.database.write() as session:
                self.kind.record(session, said, receipt)
        except IntegrityError as error:
            known = self._known(document_id, sha256)
            if known is None:
                raise BusyError from error
            return known
        return Admission(receipt, created=True)

    def _known(self, document_id: str, sha256: str) -> Admission | None:
        with self.database.read() as session:
            row = cast("EvidenceMessage | LabelDocument | None", session.get(self.kind.table, document_id))
        if row is None:
            return None
        if row.sha256 != sha256:
            message = f"This id already stands for other {self.kind.name}."
            raise ConflictError(message, code=self.kind.differs)
        return Admission(SignedReceipt.model_validate(row.receipt), created=False)

    def _read(self, body: bytes, document_id: str) -> tuple[Said, str]:
        name = self.kind.name
        try:
            said = self.kind.read(body)
        except ValidationError as error:
            message = f"The document of {name} does not keep the contract."
            raise RefusedError(message, code=f"{name}-invalid") from error
        said_id, project = self.kind.identify(said)
        if said_id != document_id:
            raise RefusedError(f"The document of {name} is that of another id.", code=f"{name}-other-id")
        return said, project


def _require(who: Principal | None, project: str) -> None:
    if who is not None:
        who.require_delivery(project)
