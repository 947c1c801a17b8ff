"""What the handoff signs once a shipment, evidence or labels are durable. It carries no time: a repeat is equal."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.canonical import canonical_json
from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, KeyId, ProjectName, RandomId, Signature


class Receipt(Document):
    """The handoff holds exactly these bytes under this id."""

    kind: Literal["shipment", "evidence", "labels"]
    id: RandomId
    sha256: Digest = Field(description="SHA-256 of the body as it was received.")
    size: NonNegativeInt = Field(description="Bytes of the body.")
    project: ProjectName
    key_id: KeyId

    def signed_bytes(self) -> bytes:
        """The bytes that the signature covers."""
        return canonical_json(self)


class SignedReceipt(Document):
    """A receipt with its Ed25519 signature."""

    receipt: Receipt
    signature: Signature
