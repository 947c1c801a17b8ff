"""Labels: rows that were imported in the trusted zone become annotations of batches, never by guess.

- `admit`: a document is recorded before its receipt is signed; a repeat gets the same receipt.
- `attach`: which label values belong to the instances of a batch.
- `pending`: which rows still wait for what they label.
"""
