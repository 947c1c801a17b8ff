"""Lineage: what came from what.

- `nodes`: which thing an id names, and what is worth saying of it.
- `edges`: one step up and one step down from each kind of thing.
- `trace`: the whole line of an id, both ways.
"""
