"""The ledger: which instance came over which association, where it is now, and what became of it.

Read in this order: `schema` (tables, connections, transactions), `associations`, `refusals`, `instances`, `deliveries`,
`shipments`, `evidence`, `expectations`, `results`, `label_documents` and `troubles` (plain functions over one
connection, named after their table), `fates` (what became of an instance, for evidence), `commitments` and
`commitment_lists` (what modalities asked to be kept, and as evidence), `performed_steps` and `performed_lists` (what
modalities say that they made), `announcements` (what NiFi is told and when), `writer` (the thread that commits for the
receiver), `curable` (which errors waiting may cure), `backlog` (what is not confirmed yet), `accounts` (the one state
of each instance), `gaps`, `label_gaps` and `step_gaps` (where two witnesses differ), `callers`, `by_peer`, `stated`,
`by_peer_gaps`, `day_report` and `day_table` (what each modality sent in a day, and whether the sums agree), `activity`,
`rhythm`, `silence`, `silences_told` and `rhythm_picture` (when a peer usually sends, and who is silent for too long),
`handoff_list`, `handoff_pin` (whom we take for the handoff), `reconcile` (does every witness tell the same story?),
`repair`, `damaged` (a ledger that has to be made anew), `release` (what an unknown caller sent), `promises` (until when
a sender may rely on us), `variants` (versions of one instance), `occupancy` (what lies in the landing), `commands`,
`doctor_commands`. Errors are in `errors`.
"""
