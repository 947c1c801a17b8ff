"""The record of what was treated and what people decided: chained by digests, signed, one file a day and project.

Reading order: `lines` (a record as bytes, and what it is chained to), `signer` (who vouches for it), `chain` (records
become durable, one batch at a time), `cuts` (what crashes leave), `applied` (of a folder), `treated` (what is said of
each instance of a shipment), `verify` (what was changed, lost or put elsewhere), `witnesses` (what the ledger knows and
the chain must hold), `reading` (records again, for people), `commands`; `errors`.
"""
