"""The ledger: which instance came over which association, where it is now, and what became of it.

Read in this order: `schema` (tables, connections, transactions), `associations`, `instances`, `deliveries`,
`shipments`, `evidence`, `expectations`, `results`, `label_documents` and `troubles` (plain functions over one
connection, named after their table), `performed_steps` and `performed_lists` (what modalities say that they made),
`announcements` (what NiFi is told and when), `writer` (the thread that commits for the receiver), `backlog` (what is
not confirmed yet), `accounts` (the one state of each instance), `gaps` and `label_gaps` (where two witnesses differ),
`handoff_list`, `handoff_pin` (whom we take for the handoff), `reconcile` (does every witness tell the same story?),
`repair`, `release` (what an unknown caller sent), `promises` (until when a sender may rely on us), `commands`,
`doctor_commands`. Errors are in `errors`.
"""
