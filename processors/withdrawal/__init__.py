"""A patient takes their consent back: what the trusted zone has of them is found, closed and removed.

Reading order: `find` (their deliveries and shipments), `close` (the tombstone, and what ends here), `names` (what they
are called on the research side), `results` (objects that have not gone back), `labels` (rows about them), `inventory`
(whose a value was), `purge` (the files); `denied` finds who would have to be. What the research zone made of it is for
the handoff to end; `sluice withdraw` does both.
"""
