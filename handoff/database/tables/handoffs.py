"""Decisions to run something, and what still has to reach an engine."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from handoff.database.tables.table import BigId, Table


class PipelineVersion(Table):
    """A compiled pipeline and the digest of the code that it runs; the id is the digest of both.

    `local_too` says that an admin registered it, so that it may run on the service's own machine.
    """

    __tablename__ = "pipeline_versions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), index=True)
    yaml_digest: Mapped[str] = mapped_column(String(64))
    code_digest: Mapped[str] = mapped_column(String(64))
    inputs: Mapped[dict[str, Any]]
    local_too: Mapped[bool] = mapped_column(default=True)
    registered_by: Mapped[str | None] = mapped_column(String(128))
    registered_at: Mapped[float]


class Handoff(Table):
    """A decision to run something on a batch; it becomes exactly one run."""

    __tablename__ = "handoffs"
    __table_args__ = (
        Index(None, "target", "state"),
        Index(None, "target", "ended_at"),
        Index(None, "project", "state"),
        Index(None, "batch_id", "kind", "state"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    project: Mapped[str] = mapped_column(String(63))
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    prepared_by: Mapped[str | None] = mapped_column(ForeignKey("handoffs.id"), index=True)
    model_id: Mapped[str | None] = mapped_column(String(80), index=True)
    target: Mapped[str] = mapped_column(String(63))
    pool: Mapped[str | None] = mapped_column(String(63), index=True)
    gpus: Mapped[int] = mapped_column(default=0)
    rerun_of: Mapped[str | None] = mapped_column(String(32), index=True)
    rerun_reason: Mapped[str | None] = mapped_column(String(256))
    asked_by: Mapped[str | None] = mapped_column(String(128))
    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipeline_versions.id"))
    parameters: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), index=True)
    reason: Mapped[str | None] = mapped_column(String(64))
    reference: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    spec_digest: Mapped[str | None] = mapped_column(String(64))
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    prepared_digest: Mapped[str | None] = mapped_column(String(64))
    sent_at: Mapped[float | None]
    created_at: Mapped[float] = mapped_column(index=True)
    ended_at: Mapped[float | None] = mapped_column(index=True)


class OutboxRow(Table):
    """What still has to reach an engine. Written with the handoff, removed when the engine's answer is known."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), unique=True)
    target: Mapped[str] = mapped_column(String(63), index=True)
    due_at: Mapped[float]
    attempts: Mapped[int] = mapped_column(default=0)
    pauses: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[float | None]
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[float] = mapped_column(default=0.0)


class Event(Table):
    """Something that happened to a handoff; never changed."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), index=True)
    at: Mapped[float]
    event: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str | None] = mapped_column(String(64))


class DuplicateRun(Table):
    """A run that an engine started besides the one of its handoff, and that a sweep found and ended."""

    __tablename__ = "duplicate_runs"
    __table_args__ = (UniqueConstraint("target", "reference"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), index=True)
    target: Mapped[str] = mapped_column(String(63))
    reference: Mapped[str] = mapped_column(String(128))
    kept: Mapped[str | None] = mapped_column(String(128))
    found_at: Mapped[float]
    ended_at: Mapped[float | None]


class TargetPlace(Table):
    """Where the runs of a target live that only one machine can see."""

    __tablename__ = "target_places"

    target: Mapped[str] = mapped_column(String(63), primary_key=True)
    place: Mapped[str] = mapped_column(String(64))


class WorkerPulse(Table):
    """A worker that said not long ago that it works; who stopped saying so is late, and then forgotten."""

    __tablename__ = "worker_pulses"

    worker: Mapped[str] = mapped_column(String(96), primary_key=True)
    target: Mapped[str] = mapped_column(String(63), index=True)
    version: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[float]
    seen_at: Mapped[float]


class RuleFiring(Table):
    """A decision that a project's rule took; of one occasion there is one, whatever is restarted."""

    __tablename__ = "rule_firings"
    __table_args__ = (UniqueConstraint("project", "rule", "occasion"), Index(None, "state", "due_at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project: Mapped[str] = mapped_column(String(63))
    rule: Mapped[str] = mapped_column(String(63))
    occasion: Mapped[str] = mapped_column(String(160))
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    reason: Mapped[str | None] = mapped_column(String(64))
    batch_id: Mapped[str | None] = mapped_column(String(64), index=True)
    handoff_id: Mapped[str | None] = mapped_column(String(32), index=True)
    at: Mapped[float]
    due_at: Mapped[float]


class Signal(Table):
    """What somebody outside noticed: a verdict on drift, or a metric's value; rules may act on it."""

    __tablename__ = "signals"
    __table_args__ = (Index(None, "project", "received_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(63))
    model_id: Mapped[str | None] = mapped_column(String(80))
    verdict: Mapped[str | None] = mapped_column(String(16))
    value: Mapped[float | None]
    sent_by: Mapped[str] = mapped_column(String(128))
    received_at: Mapped[float]
