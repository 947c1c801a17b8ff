"""Who may do what, what was withdrawn, and what a project decides by itself.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.drop_table("tokens")  # each start writes those of the home's files again
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("projects", sa.JSON(), nullable=False),
        sa.Column("handoff_id", sa.String(length=32), nullable=True),
        sa.Column("made_by", sa.String(length=128), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.Column("previous_digest", sa.String(length=64), nullable=True),
        sa.Column("previous_until", sa.Double(), nullable=True),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tokens")),
        sa.UniqueConstraint("id", name=op.f("uq_tokens_id")),
        sa.UniqueConstraint("name", name=op.f("uq_tokens_name")),
        sa.UniqueConstraint("previous_digest", name=op.f("uq_tokens_previous_digest")),
    )
    op.create_index(op.f("ix_tokens_handoff_id"), "tokens", ["handoff_id"])
    _add_access()
    _add_withdrawals()
    _add_decisions()
    _add_shipments_of_batches()
    _list_copies()
    _remember()

    op.add_column("batches", sa.Column("formed", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("batches", sa.Column("withdrawn_by", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_batches_withdrawn_by"), "batches", ["withdrawn_by"])
    op.add_column("batches", sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("handoffs", sa.Column("pool", sa.String(length=63), nullable=True))
    op.add_column("handoffs", sa.Column("gpus", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("handoffs", sa.Column("rerun_of", sa.String(length=32), nullable=True))
    op.add_column("handoffs", sa.Column("rerun_reason", sa.String(length=256), nullable=True))
    op.add_column("handoffs", sa.Column("asked_by", sa.String(length=128), nullable=True))
    op.create_index(op.f("ix_handoffs_pool"), "handoffs", ["pool"])
    op.create_index(op.f("ix_handoffs_state"), "handoffs", ["state"])
    op.create_index(op.f("ix_handoffs_target_ended_at"), "handoffs", ["target", "ended_at"])
    op.create_index(op.f("ix_handoffs_ended_at"), "handoffs", ["ended_at"])
    op.drop_index(op.f("ix_handoffs_project"), "handoffs")
    op.create_index(op.f("ix_handoffs_project_state"), "handoffs", ["project", "state"])
    op.drop_index(op.f("ix_handoffs_batch_id"), "handoffs")
    op.create_index(op.f("ix_handoffs_batch_id_kind_state"), "handoffs", ["batch_id", "kind", "state"])
    op.add_column("outbox", sa.Column("pauses", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(op.f("ix_handoffs_rerun_of"), "handoffs", ["rerun_of"])
    op.create_index(op.f("ix_handoffs_created_at"), "handoffs", ["created_at"])
    op.add_column("pipeline_versions", sa.Column("local_too", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("pipeline_versions", sa.Column("registered_by", sa.String(length=128), nullable=True))
    with op.batch_alter_table("mirror_outbox") as table:
        table.alter_column(
            "mirror", existing_type=sa.VARCHAR(length=16), type_=sa.String(length=80), existing_nullable=False
        )
    op.add_column("shipments", sa.Column("withdrawn_by", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_shipments_withdrawn_by"), "shipments", ["withdrawn_by"])
    op.add_column("studies", sa.Column("forced", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Go back."""
    op.drop_table("tokens")
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tokens")),
    )

    op.drop_column("studies", "forced")
    op.drop_index(op.f("ix_shipments_withdrawn_by"), "shipments")
    op.drop_column("shipments", "withdrawn_by")
    with op.batch_alter_table("mirror_outbox") as table:
        table.alter_column(
            "mirror", existing_type=sa.String(length=80), type_=sa.VARCHAR(length=16), existing_nullable=False
        )
    op.drop_column("pipeline_versions", "registered_by")
    op.drop_column("pipeline_versions", "local_too")
    op.drop_index(op.f("ix_handoffs_created_at"), "handoffs")
    op.drop_index(op.f("ix_handoffs_rerun_of"), "handoffs")
    op.drop_column("outbox", "pauses")
    op.drop_index(op.f("ix_handoffs_batch_id_kind_state"), "handoffs")
    op.create_index(op.f("ix_handoffs_batch_id"), "handoffs", ["batch_id"])
    op.drop_index(op.f("ix_handoffs_project_state"), "handoffs")
    op.create_index(op.f("ix_handoffs_project"), "handoffs", ["project"])
    op.drop_index(op.f("ix_handoffs_ended_at"), "handoffs")
    op.drop_index(op.f("ix_handoffs_target_ended_at"), "handoffs")
    op.drop_index(op.f("ix_handoffs_state"), "handoffs")
    op.drop_index(op.f("ix_handoffs_pool"), "handoffs")
    op.drop_column("handoffs", "asked_by")
    op.drop_column("handoffs", "rerun_reason")
    op.drop_column("handoffs", "rerun_of")
    op.drop_column("handoffs", "gpus")
    op.drop_column("handoffs", "pool")
    op.drop_column("batches", "details")
    op.drop_index(op.f("ix_batches_withdrawn_by"), "batches")
    op.drop_column("batches", "withdrawn_by")
    op.drop_column("batches", "formed")
    op.drop_table("batch_shipments")
    op.drop_table("promotions")
    op.drop_table("aliases")
    op.drop_table("withdrawn_shipments")
    op.drop_table("withdrawals")
    op.drop_table("signals")
    op.drop_table("worker_pulses")
    op.drop_table("rule_firings")
    op.drop_table("login_secrets")
    op.drop_table("login_sessions")
    op.drop_table("lineage_events")
    op.drop_table("idempotent_requests")
    op.drop_table("copies")
    op.drop_table("audit")


def _add_access() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"])
    op.create_index(op.f("ix_audit_principal"), "audit", ["principal"])
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"])
    op.create_table(
        "login_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("projects", sa.JSON(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"])
    op.create_index(op.f("ix_login_sessions_principal"), "login_sessions", ["principal"])
    op.create_index(op.f("ix_login_sessions_token_digest"), "login_sessions", ["token_digest"])
    op.create_table(
        "login_secrets",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("spent_at", sa.Double(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_secrets")),
    )
    op.create_index(op.f("ix_login_secrets_expires_at"), "login_secrets", ["expires_at"])
    op.create_table(
        "idempotent_requests",
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotent_requests")),
    )
    op.create_index(op.f("ix_idempotent_requests_at"), "idempotent_requests", ["at"])


def _add_withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=63), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("certificate", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
    )
    op.create_index(op.f("ix_withdrawals_project"), "withdrawals", ["project"])
    op.create_table(
        "withdrawn_shipments",
        sa.Column("shipment_id", sa.String(length=32), nullable=False),
        sa.Column("withdrawal_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["withdrawal_id"], ["withdrawals.id"], name=op.f("fk_withdrawn_shipments_withdrawal_id")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "withdrawal_id", name=op.f("pk_withdrawn_shipments")),
    )
    op.create_index(op.f("ix_withdrawn_shipments_withdrawal_id"), "withdrawn_shipments", ["withdrawal_id"])
    op.create_table(
        "copies",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("uri", sa.String(length=1024), nullable=False),
        sa.Column("batch_id", sa.String(length=64), nullable=True),
        sa.Column("shipment_id", sa.String(length=32), nullable=True),
        sa.Column("handoff_id", sa.String(length=32), nullable=True),
        sa.Column("holder", sa.String(length=128), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copies")),
        sa.UniqueConstraint("kind", "uri", name=op.f("uq_copies_kind_uri")),
    )
    op.create_index(op.f("ix_copies_batch_id_state"), "copies", ["batch_id", "state"])
    op.create_index(op.f("ix_copies_handoff_id"), "copies", ["handoff_id"])
    op.create_index(op.f("ix_copies_shipment_id"), "copies", ["shipment_id"])
    op.create_index(op.f("ix_copies_state_id"), "copies", ["state", "id"])


def _add_decisions() -> None:
    op.create_table(
        "rule_firings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project", sa.String(length=63), nullable=False),
        sa.Column("rule", sa.String(length=63), nullable=False),
        sa.Column("occasion", sa.String(length=160), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("batch_id", sa.String(length=64), nullable=True),
        sa.Column("handoff_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_firings")),
        sa.UniqueConstraint("project", "rule", "occasion", name=op.f("uq_rule_firings_project_rule_occasion")),
    )
    op.create_index(op.f("ix_rule_firings_batch_id"), "rule_firings", ["batch_id"])
    op.create_index(op.f("ix_rule_firings_handoff_id"), "rule_firings", ["handoff_id"])
    op.create_index(op.f("ix_rule_firings_state_due_at"), "rule_firings", ["state", "due_at"])
    op.create_table(
        "worker_pulses",
        sa.Column("worker", sa.String(length=96), nullable=False),
        sa.Column("target", sa.String(length=63), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_worker_pulses")),
    )
    op.create_index(op.f("ix_worker_pulses_target"), "worker_pulses", ["target"])
    op.create_table(
        "signals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("sent_by", sa.String(length=128), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signals")),
    )
    op.create_index(op.f("ix_signals_project_received_at"), "signals", ["project", "received_at"])
    op.create_table(
        "aliases",
        sa.Column("model", sa.String(length=63), nullable=False),
        sa.Column("alias", sa.String(length=63), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("set_by", sa.String(length=128), nullable=False),
        sa.Column("set_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_aliases_model_id")),
        sa.PrimaryKeyConstraint("model", "alias", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_model_id"), "aliases", ["model_id"])
    op.create_table(
        "promotions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=63), nullable=False),
        sa.Column("alias", sa.String(length=63), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("before", sa.String(length=80), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("gate", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=True),
        sa.Column("decided_because", sa.String(length=256), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_promotions_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
    )
    op.create_index(op.f("ix_promotions_model"), "promotions", ["model"])
    op.create_index(op.f("ix_promotions_model_id"), "promotions", ["model_id"])
    op.create_table(
        "lineage_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=96), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage_events")),
    )
    op.create_index(op.f("ix_lineage_events_subject"), "lineage_events", ["subject"])


def _add_shipments_of_batches() -> None:
    op.create_table(
        "batch_shipments",
        sa.Column("batch_id", sa.String(length=64), nullable=False),
        sa.Column("shipment_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_shipments_batch_id")),
        sa.ForeignKeyConstraint(["shipment_id"], ["shipments.id"], name=op.f("fk_batch_shipments_shipment_id")),
        sa.PrimaryKeyConstraint("batch_id", "shipment_id", name=op.f("pk_batch_shipments")),
    )
    op.create_index(op.f("ix_batch_shipments_shipment_id"), "batch_shipments", ["shipment_id"])
    op.execute(
        "INSERT INTO batch_shipments (batch_id, shipment_id) SELECT DISTINCT batch_instances.batch_id, "
        "instances.shipment_id FROM batch_instances JOIN instances ON instances.id = batch_instances.instance_id"
    )


_COPIES = (
    (
        "SELECT 'package', 'store:packages/' || substr(sha256, 1, 2) || '/' || sha256 || '.zip', NULL, min(id), "
        "NULL, NULL FROM shipments GROUP BY sha256"
    ),
    "SELECT 'batch', 'store:batches/' || id || '/batch.jsonl', id, NULL, NULL, NULL FROM batches",
    (
        "SELECT 'prepared', 'store:batches/' || batch_id || '/prepared-' || key || '.jsonl', batch_id, NULL, id, NULL "
        "FROM handoffs WHERE kind = 'prepare' AND state = 'SUCCEEDED'"
    ),
    "SELECT 'result', 'results:' || key, batch_id, NULL, id, NULL FROM handoffs WHERE attempts > 0",
    (
        "SELECT 'run', 'run:' || place || '/' || key, batch_id, NULL, id, place FROM handoffs "
        "JOIN target_places ON target_places.target = handoffs.target WHERE attempts > 0"
    ),
    (
        "SELECT 'engine', 'engine:' || target || '/' || id, batch_id, NULL, id, target FROM handoffs "
        "WHERE attempts > 0 AND target NOT IN (SELECT target FROM target_places)"
    ),
    (
        "SELECT 'model', 'model:' || models.id, batch_id, NULL, handoffs.id, NULL FROM models "
        "JOIN handoffs ON handoffs.id = models.handoff_id"
    ),
)
"""What each kind of copy is, where, and of which batch, shipment and handoff; and who has it."""


def _list_copies() -> None:
    """Write down every copy that was made before there was a list, so that a withdrawal finds it."""
    for chosen in _COPIES:
        named = "(kind, uri, batch_id, shipment_id, handoff_id, holder, state, made_at)"
        op.execute(f"INSERT INTO copies {named} SELECT found.*, 'present', 0 FROM ({chosen}) AS found")  # noqa: S608


_RAN = (
    "(state IN ('SUBMITTED', 'RUNNING', 'SUCCEEDED', 'LOST') OR EXISTS "
    "(SELECT 1 FROM events WHERE events.handoff_id = handoffs.id AND events.event = 'SUBMITTED'))"
)
_ENDED = "WHERE state IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'LOST', 'REJECTED') ORDER BY created_at, id"
_BEFORE = (
    ("batch-formed", "batch:", "SELECT id, project, '', 1 FROM batches ORDER BY created_at, id"),
    (
        "handoff-submitted",
        "handoff:",
        f"SELECT id, project, '', 1 FROM handoffs WHERE {_RAN} ORDER BY created_at, id",  # noqa: S608
    ),
    ("model-registered", "model:", "SELECT id, project, '', 1 FROM models ORDER BY created_at, id"),
    (
        "handoff-ended",
        "handoff:",
        f"SELECT id, project, state, CASE WHEN {_RAN} THEN 1 ELSE 0 END FROM handoffs {_ENDED}",  # noqa: S608
    ),
)


def _remember() -> None:
    """Begin the log of lineage with what was before it, so that whoever follows it learns of that too."""
    log = sa.table(
        "lineage_events",
        sa.column("event", sa.String()),
        sa.column("subject", sa.String()),
        sa.column("facts", sa.JSON()),
    )
    connection = op.get_bind()
    for event, prefix, chosen in _BEFORE:
        for rows in connection.execute(sa.text(chosen)).partitions(1000):
            events = []
            for identifier, project, state, ran in rows:
                ended = {"state": state, "ran": bool(ran)} if state else {}
                events.append(
                    {"event": event, "subject": f"{prefix}{identifier}", "facts": {"project": project, **ended}}
                )
            connection.execute(log.insert(), events)
