"""The handoff's database.

- `tables`: every table, each with a sentence.
- `engine`: sessions that read and sessions that write.
- `dialect`: the only place that knows which database it is.
- `migrate`: brings a database to the newest schema (Alembic; `migrations/`).
"""
