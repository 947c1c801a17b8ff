"""The edges.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    _add_labels()
    op.add_column("studies", sa.Column("expected", sa.Integer(), nullable=True))
    _add_mirrors()
    with op.batch_alter_table("handoffs") as table:
        table.add_column(sa.Column("prepared_digest", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("sent_at", sa.Double(), nullable=True))
    op.create_table(
        "duplicate_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("handoff_id", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=63), nullable=False),
        sa.Column("reference", sa.String(length=128), nullable=False),
        sa.Column("kept", sa.String(length=128), nullable=True),
        sa.Column("found_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoffs.id"], name=op.f("fk_duplicate_runs_handoff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_runs")),
        sa.UniqueConstraint("target", "reference", name=op.f("uq_duplicate_runs_target_reference")),
    )
    op.create_index(op.f("ix_duplicate_runs_handoff_id"), "duplicate_runs", ["handoff_id"])
    with op.batch_alter_table("result_files") as table:
        table.add_column(sa.Column("object_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("acknowledged_as", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("held_because", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("acknowledged_at", sa.Double(), nullable=True))
        table.create_unique_constraint(op.f("uq_result_files_object_id"), ["object_id"])
    op.create_table(
        "target_places",
        sa.Column("target", sa.String(length=63), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_target_places")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("mirror_outbox")
    op.drop_table("target_places")
    _drop_labels()
    with op.batch_alter_table("studies") as table:
        table.drop_column("expected")
    op.drop_table("duplicate_runs")
    with op.batch_alter_table("handoffs") as table:
        table.drop_column("sent_at")
        table.drop_column("prepared_digest")
    with op.batch_alter_table("result_files") as table:
        table.drop_constraint(op.f("uq_result_files_object_id"), type_="unique")
        for name in ("acknowledged_at", "held_because", "acknowledged_as", "object_id"):
            table.drop_column(name)


def _add_mirrors() -> None:
    op.create_table(
        "mirror_outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mirror", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirror_outbox")),
        sa.UniqueConstraint("mirror", "kind", "subject", name=op.f("uq_mirror_outbox_mirror_kind_subject")),
    )
    op.create_index(op.f("ix_mirror_outbox_mirror_state_due_at"), "mirror_outbox", ["mirror", "state", "due_at"])
    # A mirror learns of all that was before, and so of what was before this table.
    op.execute(
        "INSERT INTO mirror_outbox (mirror, kind, subject, wanted, state, due_at, attempts, leased_until)"
        " SELECT 'mlflow', 'handoff', id, 1, 'waiting', 0, 0, 0 FROM handoffs"
        " WHERE state NOT IN ('ACCEPTED', 'VALIDATING', 'READY', 'SUBMITTING')"
    )
    op.execute(
        "INSERT INTO mirror_outbox (mirror, kind, subject, wanted, state, due_at, attempts, leased_until)"
        " SELECT 'mlflow', 'model', id, 1, 'waiting', 0, 0, 0 FROM models"
    )


def _add_labels() -> None:
    op.create_table(
        "label_documents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=63), nullable=False),
        sa.Column("source", sa.String(length=63), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_documents")),
    )
    op.create_index(op.f("ix_label_documents_project"), "label_documents", ["project"])
    op.create_table(
        "label_rows",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=63), nullable=False),
        sa.Column("source", sa.String(length=63), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=True),
        sa.Column("series_uid", sa.String(length=64), nullable=True),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["label_documents.id"], name=op.f("fk_label_rows_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_rows")),
    )
    op.create_index(op.f("ix_label_rows_document_id"), "label_rows", ["document_id"])
    op.create_index(op.f("ix_label_rows_project_study_uid"), "label_rows", ["project", "study_uid"])
    op.create_index(op.f("ix_label_rows_project_patient"), "label_rows", ["project", "patient"])
    op.create_table(
        "batch_labels",
        sa.Column("batch_id", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_labels_batch_id")),
        sa.ForeignKeyConstraint(["document_id"], ["label_documents.id"], name=op.f("fk_batch_labels_document_id")),
        sa.PrimaryKeyConstraint("batch_id", "document_id", name=op.f("pk_batch_labels")),
    )
    op.create_index(op.f("ix_batch_labels_document_id"), "batch_labels", ["document_id"])
    op.create_index(op.f("ix_studies_project_patient"), "studies", ["project", "patient"])


def _drop_labels() -> None:
    op.drop_index(op.f("ix_studies_project_patient"), "studies")
    for table in ("batch_labels", "label_rows", "label_documents"):
        op.drop_table(table)
