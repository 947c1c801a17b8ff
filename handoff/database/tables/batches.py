"""Immutable data sets, every copy of them, and what was withdrawn from them."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from handoff.database.tables.table import BigId, Table


class Batch(Table):
    """An immutable data set; the id is the digest of its content. It exists for others once it is `formed`.

    `facts` are few and small; `details` grow with the studies, and are read only where they are asked for.
    """

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project: Mapped[str] = mapped_column(String(63), index=True)
    file_sha256: Mapped[str] = mapped_column(String(64))
    spec_digest: Mapped[str | None] = mapped_column(String(64))
    test_percent: Mapped[int]
    instances: Mapped[int]
    annotations: Mapped[int]
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[float]
    formed: Mapped[bool] = mapped_column(default=True)
    withdrawn_by: Mapped[str | None] = mapped_column(String(32), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)


class BatchStudy(Table):
    """A study version that a batch was made of."""

    __tablename__ = "batch_studies"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True, index=True)
    version: Mapped[int]


class BatchInstance(Table):
    """An instance of a batch."""

    __tablename__ = "batch_instances"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True, index=True)


class BatchShipment(Table):
    """A shipment that at least one instance of a batch came in: what lineage and withdrawal ask for most."""

    __tablename__ = "batch_shipments"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    shipment_id: Mapped[str] = mapped_column(ForeignKey("shipments.id"), primary_key=True, index=True)


class BatchLabels(Table):
    """A label document that at least one value of a batch holds by."""

    __tablename__ = "batch_labels"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("label_documents.id"), primary_key=True, index=True)


class Withdrawal(Table):
    """Shipments that may no longer be used; it outlives them, so that what arrives later is refused."""

    __tablename__ = "withdrawals"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(63), index=True)
    reason: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16), default="purging")
    certificate: Mapped[dict[str, Any]] = mapped_column(default=dict)
    asked_at: Mapped[float]
    ended_at: Mapped[float | None]


class WithdrawnShipment(Table):
    """A shipment of a withdrawal, whether or not it ever arrived; any later PUT of it is answered with 410."""

    __tablename__ = "withdrawn_shipments"

    shipment_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    withdrawal_id: Mapped[str] = mapped_column(ForeignKey("withdrawals.id"), primary_key=True, index=True)


class Copy(Table):
    """A copy of patients' data, written down whenever one is made, so that a withdrawal finds it."""

    __tablename__ = "copies"
    __table_args__ = (UniqueConstraint("kind", "uri"), Index(None, "batch_id", "state"), Index(None, "state", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    uri: Mapped[str] = mapped_column(String(1024))
    batch_id: Mapped[str | None] = mapped_column(String(64))
    shipment_id: Mapped[str | None] = mapped_column(String(32), index=True)
    handoff_id: Mapped[str | None] = mapped_column(String(32), index=True)
    holder: Mapped[str | None] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16), default="present")
    reason: Mapped[str | None] = mapped_column(String(64))
    made_at: Mapped[float]
    expires_at: Mapped[float | None]
    ended_at: Mapped[float | None]
