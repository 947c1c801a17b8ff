"""Batches: immutable data sets, named by the digest of what they hold.

- `split`: which patients test, stable under growth.
- `identity`: the id of a batch from its content alone.
- `select`: which complete studies a request means.
- `rows`: the instances of those studies.
- `worksheet`: where a batch is worked out, on disk.
- `fill`: fills it, some patients at a time.
- `check`: no run could use it, or its sides know of each other: refused.
- `form`: makes the batch: lines in the store, rows in the database.
- `prepared`: the same batch with the volumes that a preparing run made.
- `croissant`: a batch as other tools read it.
"""
