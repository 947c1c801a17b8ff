"""Alembic's entry: runs the migrations on the connection that `handoff.database.migrate` gives."""

from alembic import context

from handoff.database.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
