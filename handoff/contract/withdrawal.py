"""What the handoff says, signed, of a withdrawal that has ended: what was purged, and what remains until when."""

from datetime import date
from typing import Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.canonical import canonical_json
from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, KeyId, ProjectName, RandomId, ReasonCode, Signature


class CopyEntry(Document):
    """One copy. It is named by kind and id; no path of a machine is in it."""

    kind: str = Field(pattern=r"^[a-z]{1,16}$", description="package, batch, prepared, result, run, model, ...")
    name: str = Field(max_length=1024, description="What it is of: the digest of a package, else an id.")
    shipment: RandomId | None = None
    batch: Digest | None = None
    handoff: RandomId | None = None


class RemainingCopy(CopyEntry):
    """A copy that is still there, why, who has it, and when it will be gone by itself."""

    reason: ReasonCode
    holder: str | None = Field(None, max_length=128, description="Who has it; null when the handoff has.")
    expires_on: date | None = Field(None, description="Null when nothing ends it but a person.")


class Certificate(Document):
    """The end of a withdrawal."""

    kind: Literal["withdrawal"] = "withdrawal"
    id: RandomId
    project: ProjectName
    reason: ReasonCode
    asked_on: date
    ended_on: date
    shipments: tuple[RandomId, ...]
    never_arrived: tuple[RandomId, ...] = Field(description="Those of the shipments that will be refused if they come.")
    batches: tuple[Digest, ...] = Field(description="Batches on which nothing may run any more.")
    handoffs_ended: tuple[RandomId, ...] = Field(description="Runs on those batches that it ended.")
    label_rows: NonNegativeInt = Field(description="Imported labels that were deleted.")
    purged: tuple[CopyEntry, ...]
    remains: tuple[RemainingCopy, ...]
    key_id: KeyId

    def signed_bytes(self) -> bytes:
        """The bytes that the signature covers."""
        return canonical_json(self)


class SignedCertificate(Document):
    """A certificate with the signature of the key that signs receipts."""

    certificate: Certificate
    signature: Signature
