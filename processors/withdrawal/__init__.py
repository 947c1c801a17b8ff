"""A patient takes their consent back: what the trusted zone has of them is found, closed and removed.

Reading order: `find` (their deliveries and shipments), `close` (the tombstone, and what ends here), `purge` (the
files). What the research zone made of it is for the handoff to end; `sluice withdraw` does both.
"""
