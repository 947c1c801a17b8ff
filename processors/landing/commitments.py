"""What lies in the landing of a request for storage commitment, so that it outlives the ledger: one file each; PHI."""

from collections.abc import Container, Iterator
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.durable import write_whole
from processors.landing.layout import Layout


class ReferencedInstance(BaseModel):
    """One instance that a request names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sop_class_uid: str
    sop_instance_uid: str


class CommitmentRequest(BaseModel):
    """One N-ACTION, as it was taken (PS3.4 J.3.2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    transaction_uid: str
    association_id: str
    calling_ae: str
    called_ae: str
    address: str
    peer: str = Field(description="Its sender's name in the peers file, or empty.")
    received_at: float = Field(description="Unix seconds, UTC.")
    instances: tuple[ReferencedInstance, ...]
    kept_until: float | None = Field(None, description="Until when what is kept of it was promised, Unix seconds.")
    reported_at: float | None = Field(None, description="When the requester had confirmed the report.")

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the file; None when there is none, or none that can be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, path: Path) -> None:
        """Write the file, durably.

        Raises:
            OSError: it cannot be written.
        """
        write_whole(path, self.model_dump_json().encode())


def requests_beyond(layout: Layout, known: Container[str]) -> Iterator[CommitmentRequest]:
    """The requests that lie in a landing, can be read, and are not known."""
    for path in sorted(layout.commitments.glob("*.json")):
        if path.stem in known:
            continue
        found = CommitmentRequest.read(path)
        if found is not None and found.id == path.stem:
            yield found
