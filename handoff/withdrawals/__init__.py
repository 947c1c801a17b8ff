"""Withdrawals: shipments that may no longer be used; what was made of them is ended, purged, and certified.

- `kinds`: the kinds of copies, which of them may be purged, and why the others stay.
- `copies`: writes a copy down, where one is made.
- `downloads`: writes down who fetched something, and until when.
- `backups`: writes a backup down, and says which ones may hold what is withdrawn.
- `gate`: lets nothing withdrawn in, and orders withdrawals against whatever would use what they withdraw.
- `ask`: the tombstone: from its answer on, nothing new is made of the shipments; `mark`: piece by piece.
- `shrink`: a study without what was withdrawn from it.
- `scope`: the batches, handoffs and copies that a withdrawal reaches.
- `labels`: label rows that only withdrawn shipments had something to do with.
- `purge`: ends runs and removes copies, and can be killed at any point.
- `account`: which copies are purged, which remain and why.
- `certificate`: what was purged and what remains until when, signed.
- `show`: a withdrawal as the API shows it.
- `withdrawer`: the loop over `purge` until the certificate is written.
"""
