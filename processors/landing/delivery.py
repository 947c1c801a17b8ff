"""A delivery: instances of one series that came over one association. What `delivery.json` says once it is sealed.

These files are PHI and stay in the trusted zone. A folder that has a `delivery.json` is sealed and never changes.
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.errors import DeliveryUnreadableError

DELIVERY_FILE: Final = "delivery.json"
SealReason = Literal["release", "abort", "idle", "count", "size", "conflict", "recovered", "switch", "fault"]


class ReceivedInstance(BaseModel):
    """One SOP instance as it was received, and the facts that rules and identities need, read from its header once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^[0-9]{6,}\.dcm$", description="Part 10 file inside the delivery's folder.")
    sop_instance_uid: str = Field(min_length=1, max_length=64)
    sop_class_uid: str = Field(min_length=1, max_length=64)
    transfer_syntax_uid: str = Field(min_length=1, max_length=64)
    revision: int = Field(ge=1, description="Rises with each other content under the same SOP Instance UID.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the data set's bytes as received.")
    size: int = Field(ge=0, description="Bytes of the data set.")
    header: dict[str, str] = Field(
        description="Keyword to value, multiple values joined by a backslash; only those present."
    )


class Delivery(BaseModel):
    """A sealed delivery."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["sluice.delivery/1"] = Field("sluice.delivery/1", alias="schema")
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    association_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    called_ae: str
    calling_ae: str
    study_instance_uid: str = Field(description="Empty for the few classes of the standard that belong to no study.")
    series_instance_uid: str
    opened_at: str = Field(description="When its first instance was received: UTC, ISO 8601.")
    sealed_at: str = Field(description="UTC, ISO 8601.")
    seal_reason: SealReason
    total_bytes: int = Field(alias="bytes", ge=0, description="Sum of the instances' sizes.")
    instances: tuple[ReceivedInstance, ...]
    sender: str | None = Field(None, description="Name of the peer that sent it, as the peers file has it.")
    project_hint: str | None = Field(None, description="Whom it is for, as far as the peers file knows.")
    hold: str | None = Field(None, description="Why it waits for a person before it is routed.")
    peer: str = Field("", description="Address of the sender.")
    received_at: tuple[float, ...] = Field((), description="When each of its instances came, Unix seconds, UTC.")

    def to_json(self) -> bytes:
        """The file's content."""
        return self.model_dump_json(by_alias=True).encode()


def is_sealed(folder: Path) -> bool:
    """Whether the delivery in `folder` is complete and will never change."""
    return (folder / DELIVERY_FILE).is_file()


def read_delivery(folder: Path) -> Delivery:
    """Read the sealed delivery in `folder`.

    Raises:
        DeliveryUnreadableError: there is no `delivery.json`, or it is damaged. The message holds no value of the file.
    """
    try:
        return Delivery.model_validate_json((folder / DELIVERY_FILE).read_bytes())
    except OSError as error:
        raise DeliveryUnreadableError(f"Delivery {folder.name} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise DeliveryUnreadableError(f"Delivery {folder.name} is damaged ({error.error_count()} faults).") from None
