"""Lineage: what came from what.

- `log`: what came to be, appended with each change; who is told of changes follows it.
- `openlineage`: an event of the log as an OpenLineage run event.
- `nodes`: which thing an id names; `describe`: what is worth saying of things, many at once.
- `edges`: one step up and one step down from each kind of thing.
- `trace`: the whole line of an id, both ways, as far as a limit lets.
- `prov`: a trace as W3C PROV-JSON.
"""
