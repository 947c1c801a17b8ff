"""What others are told, and what was answered to them."""

from typing import Any

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from handoff.database.tables.table import BigId, Table


class MirrorRow(Table):
    """Something that another system is told about; `wanted` rises with each change, so that none is told away."""

    __tablename__ = "mirror_outbox"
    __table_args__ = (UniqueConstraint("mirror", "kind", "subject"), Index(None, "mirror", "state", "due_at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    mirror: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(80))
    wanted: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    reason: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[float]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[float] = mapped_column(default=0.0)


class LineageEvent(Table):
    """Something that came of something; only ever appended. `subject` is a kind and an id, as `handoff:<id>`."""

    __tablename__ = "lineage_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    event: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(96), index=True)
    facts: Mapped[dict[str, Any]]


class IdempotentRequest(Table):
    """A request that carried an Idempotency-Key, and the answer that a repeat gets."""

    __tablename__ = "idempotent_requests"

    principal: Mapped[str] = mapped_column(String(128), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[float] = mapped_column(index=True)
