"""Results: what a run left, believed only after every digest was re-read.

- `verify`: the manifest keeps the contract, is this handoff's, and every file is what it says.
- `record`: files, volumes and models in the database, in the transaction that makes the handoff SUCCEEDED.
- `objects`: what goes back to where its images came from: open until the trusted side acknowledges it.
"""
