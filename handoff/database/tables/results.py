"""What runs left, the models among it, and what became of those."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from handoff.database.tables.table import BigId, Table


class ResultFileRow(Table):
    """A file of a run's result whose digest was re-read."""

    __tablename__ = "result_files"

    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(1024), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    role: Mapped[str] = mapped_column(String(16))
    media_type: Mapped[str] = mapped_column(String(127))
    object_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    acknowledged_as: Mapped[str | None] = mapped_column(String(16))
    held_because: Mapped[str | None] = mapped_column(String(64))
    acknowledged_at: Mapped[float | None]


class Volume(Table):
    """A volume that a preparing run made."""

    __tablename__ = "volumes"
    __table_args__ = (UniqueConstraint("handoff_id", "uri"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), index=True)
    uri: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    study_uid: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64))


class ModelVersion(Table):
    """A model that a training run made; the id is name:version."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str] = mapped_column(String(63))
    version: Mapped[int]
    project: Mapped[str] = mapped_column(String(63), index=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), unique=True)
    spec_digest: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(1024))
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class Alias(Table):
    """A name such as `champion` that stands for one version of a model."""

    __tablename__ = "aliases"

    model: Mapped[str] = mapped_column(String(63), primary_key=True)
    alias: Mapped[str] = mapped_column(String(63), primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    set_by: Mapped[str] = mapped_column(String(128))
    set_at: Mapped[float]


class Promotion(Table):
    """A wish to move an alias, what the gate found, and who decided."""

    __tablename__ = "promotions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    model: Mapped[str] = mapped_column(String(63), index=True)
    alias: Mapped[str] = mapped_column(String(63))
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    before: Mapped[str | None] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(16))
    gate: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(String(256))
    asked_by: Mapped[str] = mapped_column(String(128))
    asked_at: Mapped[float]
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_because: Mapped[str | None] = mapped_column(String(256))
    decided_at: Mapped[float | None]
