"""Journals: JSON Lines that are appended to, and read again only after a crash.

A line counts if it is complete. A crash can tear only what was not synced, and none of that is missed: refusals are
counted apart, what a delivery's lines say its files say too (`mark`, `who_sent`), and nothing else was acknowledged. A
power cut may leave the size of an append without its bytes: such lines hold NULs, which no line of ours does.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.delivery import ReceivedInstance
from processors.landing.durable import write_all, write_whole

_Line = TypeVar("_Line", bound=BaseModel)
_NOT_SYNCED: Final = (b'{"refusal":', b'{"opened":', b'{"kept":')
"""How lines begin that are appended without a sync."""


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
    peer: str = Field("", description="Address of the sender.")


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


class Journal:
    """A journal that has one writer and many lines. Its owner calls it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Begin a journal; its file is made with the first line."""
        self._path = str(path)
        self._descriptor = -1
        self._end = 0

    def append(self, line: BaseModel) -> None:
        """Append a line. It is not made durable: its file tells the same.

        A failed append leaves the journal as it was, so that it never tells of what was refused.

        Raises:
            OSError: the disk does not take it.
        """
        content = _encoded(line)
        descriptor = self._opened()
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(descriptor, content[written:], self._end + written)
        except OSError:
            _take_back(descriptor, self._end, durable=False)
            raise
        self._end += len(content)

    def _opened(self) -> int:
        if self._descriptor < 0:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptor

    def rest(self) -> None:
        """Let go of the file until the next line."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def append(path: Path, *lines: BaseModel, durable: bool = True) -> None:
    """Append lines to a journal that seldom has more, and with `durable` return only when they survive a power cut.

    A failed append leaves the journal as it was, so that it never tells of what was refused.
    """
    content = b"".join(map(_encoded, lines))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        except OSError:
            _take_back(descriptor, before, durable=durable)
            raise
    finally:
        os.close(descriptor)


def _take_back(descriptor: int, end: int, *, durable: bool) -> None:
    """Cut off a line that failed, durably if the disk lets: a sync that failed may have written it all the same."""
    os.ftruncate(descriptor, end)
    if durable:
        with contextlib.suppress(OSError):
            os.fdatasync(descriptor)


def rewrite(path: Path, *lines: BaseModel) -> None:
    """Replace a journal, durably, by one with these lines."""
    write_whole(path, b"".join(map(_encoded, lines)))


def _encoded(line: BaseModel) -> bytes:
    return line.model_dump_json(exclude_none=True).encode() + b"\n"


def is_readable(path: Path, line_type: type[BaseModel]) -> bool:
    """Whether each complete line can be read; if not, another version wrote it or the disk has damaged it."""
    try:
        lines = _whole_lines(path.read_bytes())
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
    for line in _whole_lines(content):
        try:
            yield line_type.model_validate_json(line)
        except ValidationError:
            continue


def _whole_lines(content: bytes) -> list[bytes]:
    """The complete lines, without those that a power cut has torn.

    A NUL before a line that was synced is no torn line but damage, and stays to be found.
    """
    lines = content.split(b"\n")[:-1]
    torn = next((number for number, line in enumerate(lines) if b"\0" in line), len(lines))
    return lines[:torn] if all(line.startswith(_NOT_SYNCED) for line in lines[torn + 1 :]) else lines
