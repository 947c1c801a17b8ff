"""Every table. Times are UTC seconds since 1970 and are for operators only: no document leaves with one in it."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, Integer, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
BigId = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    """Root of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {float: Double(), dict[str, Any]: JSON(), list[str]: JSON()}  # noqa: RUF012 - SQLAlchemy's form


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


class Batch(Table):
    """An immutable data set; the id is the digest of its content."""

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


class BatchLabels(Table):
    """A label document that at least one value of a batch holds by."""

    __tablename__ = "batch_labels"

    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("label_documents.id"), primary_key=True, index=True)


class PipelineVersion(Table):
    """A compiled pipeline and the digest of the code that it runs; the id is the digest of both."""

    __tablename__ = "pipeline_versions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), index=True)
    yaml_digest: Mapped[str] = mapped_column(String(64))
    code_digest: Mapped[str] = mapped_column(String(64))
    inputs: Mapped[dict[str, Any]]
    registered_at: Mapped[float]


class Handoff(Table):
    """A decision to run something on a batch; it becomes exactly one run."""

    __tablename__ = "handoffs"
    __table_args__ = (Index(None, "target", "state"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    project: Mapped[str] = mapped_column(String(63), index=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), index=True)
    prepared_by: Mapped[str | None] = mapped_column(ForeignKey("handoffs.id"), index=True)
    model_id: Mapped[str | None] = mapped_column(String(80), index=True)
    target: Mapped[str] = mapped_column(String(63))
    pipeline_id: Mapped[str] = mapped_column(ForeignKey("pipeline_versions.id"))
    parameters: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    reference: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    spec_digest: Mapped[str | None] = mapped_column(String(64))
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    prepared_digest: Mapped[str | None] = mapped_column(String(64))
    sent_at: Mapped[float | None]
    created_at: Mapped[float]
    ended_at: Mapped[float | None]


class OutboxRow(Table):
    """What still has to reach an engine. Written with the handoff, removed when the engine's answer is known."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    handoff_id: Mapped[str] = mapped_column(ForeignKey("handoffs.id"), unique=True)
    target: Mapped[str] = mapped_column(String(63), index=True)
    due_at: Mapped[float]
    attempts: Mapped[int] = mapped_column(default=0)
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


class MirrorRow(Table):
    """Something that another system is told about; `wanted` rises with each change, so that none is told away."""

    __tablename__ = "mirror_outbox"
    __table_args__ = (UniqueConstraint("mirror", "kind", "subject"), Index(None, "mirror", "state", "due_at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    mirror: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(80))
    wanted: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    reason: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[float]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[float] = mapped_column(default=0.0)


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


class Token(Table):
    """The SHA-256 of a token and what it may do; the token itself is never stored here."""

    __tablename__ = "tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    scope: Mapped[str] = mapped_column(String(16))
