"""Alembic's folder: `env` runs, `versions` are the schemas, oldest first."""
