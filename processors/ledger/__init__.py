"""The ledger: which instance came over which association, where it is now, and what became of it.

Read in this order: `schema` (tables, connections, transactions), `associations`, `instances`, `deliveries`, `shipments`
and `evidence` (plain functions over one connection, named after their table), `writer` (the thread that commits for the
receiver), `reconcile` (does every witness tell the same story?), `commands`. Errors are in `errors`.
"""
