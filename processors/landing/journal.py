"""Journals: JSON Lines that are appended to, and read again only after a crash.

A line counts if it is complete. A crash can tear only the last one, and what it tells of was not yet acknowledged.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.delivery import ReceivedInstance
from processors.landing.durable import write_all

_Line = TypeVar("_Line", bound=BaseModel)


class AssociationFacts(BaseModel):
    """Who sent, to whom, from where, since when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    opened_at: float = Field(description="Unix seconds, UTC.")
    calling_ae: str
    called_ae: str
    peer: str = Field(description="Address of the sender.")
    sender: str | None = Field(None, description="Its name in the peers file.")
    project_hint: str | None = Field(None, description="Whom its data is for, as far as the peers file knows.")
    hold: str | None = Field(None, description="Why what it sends waits for a person before it is routed.")


class DuplicateInstance(BaseModel):
    """An instance that was here already: answered with Success, no file kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    revision: int
    digest: str
    size: int
    received_at: float


class RefusedObject(BaseModel):
    """A C-STORE that was refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float
    status: int
    reason: str


class AssociationLine(BaseModel):
    """One line of an association's journal: exactly one of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    association: AssociationFacts | None = None
    duplicate: DuplicateInstance | None = None
    refusal: RefusedObject | None = None


class OpenedDelivery(BaseModel):
    """What a delivery's journal begins with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    association_id: str
    called_ae: str
    calling_ae: str
    study_instance_uid: str
    series_instance_uid: str
    opened_at: float
    sender: str | None = None
    project_hint: str | None = None
    hold: str | None = None


class KeptInstance(BaseModel):
    """An instance that is durable, and when it came."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    received_at: float
    instance: ReceivedInstance


class DeliveryLine(BaseModel):
    """One line of a delivery's journal: exactly one of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opened: OpenedDelivery | None = None
    kept: KeptInstance | None = None


def append(path: Path, *lines: BaseModel, durable: bool = True) -> None:
    """Append lines, and with `durable` return only when they would survive a power cut.

    A failed append leaves the journal as it was, so that it never tells of what was refused.
    """
    content = b"".join(line.model_dump_json(exclude_none=True).encode() + b"\n" for line in lines)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def is_readable(path: Path, line_type: type[BaseModel]) -> bool:
    """Whether each complete line can be read; if not, another version wrote it or the disk has damaged it."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return True
    try:
        for line in lines:
            line_type.model_validate_json(line)
    except ValidationError:
        return False
    return True


def read(path: Path, line_type: type[_Line]) -> Iterator[_Line]:
    """The complete lines of a journal; nothing if there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for line in content.split(b"\n")[:-1]:
        try:
            yield line_type.model_validate_json(line)
        except ValidationError:
            continue
