"""The handoff's database.

- `tables`: every table, each with a sentence.
- `engine`: sessions that read and sessions that write.
- `together`: short writes of many threads in one transaction.
- `alone`: be the only one at something for longer than a transaction.
- `dialect`: the only place that knows which database it is; `postgres`: what that one needs.
- `open`: the database of a site's settings, waited for.
- `migrate`: brings a database to the newest schema (Alembic); `migrations`: the way from each to the next.
"""
