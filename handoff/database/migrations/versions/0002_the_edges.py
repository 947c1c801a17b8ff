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
    with op.batch_alter_table("result_files") as table:
        table.add_column(sa.Column("object_id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("acknowledged_as", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("held_because", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("acknowledged_at", sa.Double(), nullable=True))
        table.create_unique_constraint(op.f("uq_result_files_object_id"), ["object_id"])


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("result_files") as table:
        table.drop_constraint(op.f("uq_result_files_object_id"), type_="unique")
        for name in ("acknowledged_at", "held_because", "acknowledged_as", "object_id"):
            table.drop_column(name)
