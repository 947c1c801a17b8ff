"""What came from the trusted side: studies, shipments, instances, evidence, labels."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from handoff.database.tables.table import BigId, Table


class Study(Table):
    """What is known of one pseudonymous study of one project."""

    __tablename__ = "studies"
    __table_args__ = (
        UniqueConstraint("project", "study_uid"),
        Index(None, "state", "due_at"),
        Index(None, "project", "patient"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project: Mapped[str] = mapped_column(String(63))
    study_uid: Mapped[str] = mapped_column(String(64), index=True)
    patient: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default="open")
    version: Mapped[int] = mapped_column(default=0)
    content: Mapped[str | None] = mapped_column(String(64))
    truth: Mapped[str] = mapped_column(String(16), default="unannotated")
    waiting_for: Mapped[str | None] = mapped_column(String(64))
    expected: Mapped[int | None]
    forced: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_arrival_at: Mapped[float]
    due_at: Mapped[float | None]


class StudyVersion(Table):
    """A study as it was when evidence closed it, and what closed it."""

    __tablename__ = "study_versions"

    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[str] = mapped_column(String(64))
    instances: Mapped[int]
    closed_by: Mapped[dict[str, Any]]
    closed_at: Mapped[float]


class Shipment(Table):
    """A package that is durable in the store."""

    __tablename__ = "shipments"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(63), index=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    patient: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64), index=True)
    modality: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    delivered: Mapped[int]
    withheld: Mapped[int]
    withheld_by: Mapped[dict[str, Any]]
    treatment: Mapped[dict[str, Any]]
    replaces: Mapped[str | None] = mapped_column(String(32))
    receipt: Mapped[dict[str, Any]]
    received_at: Mapped[float]
    withdrawn_by: Mapped[str | None] = mapped_column(String(32), index=True)


class Instance(Table):
    """One de-identified instance of a shipment."""

    __tablename__ = "instances"
    __table_args__ = (UniqueConstraint("shipment_id", "sop_instance_uid"), Index(None, "study_id", "current"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    shipment_id: Mapped[str] = mapped_column(ForeignKey("shipments.id"))
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    sop_instance_uid: Mapped[str] = mapped_column(String(64), index=True)
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    revision: Mapped[int]
    annotation: Mapped[bool]
    references: Mapped[list[str]] = mapped_column("refers_to", JSON())
    current: Mapped[bool] = mapped_column(default=False)


class EvidenceMessage(Table):
    """How an association ended, for one study; it may arrive before its shipments."""

    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    body: Mapped[dict[str, Any]]
    receipt: Mapped[dict[str, Any]]
    received_at: Mapped[float]


class LabelDocument(Table):
    """Labels that were imported in the trusted zone, as they came."""

    __tablename__ = "label_documents"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(63), index=True)
    source: Mapped[str] = mapped_column(String(63))
    revision: Mapped[int]
    rows: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    receipt: Mapped[dict[str, Any]]
    received_at: Mapped[float]


class LabelRowRecord(Table):
    """The labels of one patient, study, series or instance; what it names may arrive later, or never."""

    __tablename__ = "label_rows"
    __table_args__ = (Index(None, "project", "study_uid"), Index(None, "project", "patient"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("label_documents.id"), index=True)
    project: Mapped[str] = mapped_column(String(63))
    source: Mapped[str] = mapped_column(String(63))
    revision: Mapped[int]
    level: Mapped[str] = mapped_column(String(8))
    patient: Mapped[str] = mapped_column(String(64))
    study_uid: Mapped[str | None] = mapped_column(String(64))
    series_uid: Mapped[str | None] = mapped_column(String(64))
    sop_instance_uid: Mapped[str | None] = mapped_column(String(64))
    labels: Mapped[dict[str, Any]]
