"""What the handoff signs once a shipment, evidence or labels are durable. It carries no time: a repeat is equal."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.canonical import canonical_json
from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId


class Receipt(Document):
    """The handoff holds exactly these bytes under this id."""

    kind: Literal["shipment", "evidence", "labels"]
    id: RandomId
    sha256: Digest = Field(description="SHA-256 of the body as it was received.")
    size: NonNegativeInt = Field(description="Bytes of the body.")
    project: ProjectName
    key_id: str = Field(
        pattern=r"^[0-9a-f]{16}$", description="First 16 hex digits of SHA-256 of the raw Ed25519 public key."
    )

    def signed_bytes(self) -> bytes:
        """The bytes that the signature covers."""
        return canonical_json(self)


class SignedReceipt(Document):
    """A receipt with its Ed25519 signature."""

    receipt: Receipt
    signature: str = Field(
        pattern=r"^[A-Za-z0-9+/]{86}==$",
        description="Base64 of the 64-byte Ed25519 signature over the canonical JSON.",
    )
