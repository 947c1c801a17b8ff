"""Objects of results on their way back to where their images came from.

The trusted side asks for what is open, fetches each object by its id, and acknowledges it once it is durable there. An
object travels behind its claim: one line of canonical JSON, then the object's bytes.
"""

import hashlib
from typing import Final, Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, ReasonCode, RelativePath

RETURNED_ROLES: Final = frozenset({"segmentation"})
"""Roles of result files that go back; a model or a report stays."""
CLAIM_BYTES: Final = 8 << 20
"""The line before an object is shorter than this: room for some 200,000 shipments."""
MEDIA_TYPE: Final = "application/vnd.sluice.object"


def object_id(handoff_id: str, path: str) -> str:
    """The id of an object: the same whenever it is asked for, and nobody's choice."""
    return hashlib.sha256(f"sluice.object/1\n{handoff_id}\n{path}".encode()).hexdigest()[:32]


class Claim(Document):
    """What the handoff says of one object. The trusted side believes none of it without its own books."""

    schema_: Literal["sluice.object/1"] = Field("sluice.object/1", alias="schema")
    id: RandomId
    handoff: RandomId
    path: RelativePath = Field(description="Below the handoff's result.")
    sha256: Digest
    size: NonNegativeInt = Field(description="Bytes of the object, which follow this line.")
    project: ProjectName
    batch: Digest
    model: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9_-]{0,62}:[0-9]{1,9}$", description="Name and version.")
    shipments: tuple[RandomId, ...] = Field(description="Every shipment that the run's batch holds an instance of.")


class Acknowledgement(Document):
    """The trusted side has the object, durably, and needs not be asked to fetch it again."""

    sha256: Digest
    size: NonNegativeInt
    outcome: Literal["accepted", "held"] = Field(description="Held: a person must look before it goes anywhere.")
    reason: ReasonCode | None = Field(None, description="Why it is held, as a code.")


class Acknowledged(Document):
    """What the handoff has noted."""

    id: RandomId
    outcome: Literal["accepted", "held"]


class OpenObject(Document):
    """An object that nobody has acknowledged yet."""

    id: RandomId
