"""Studies: what arrived of one pseudonymous study, and when it is complete.

- `arrive`: something of a study came in; it is open again.
- `judge`: whether evidence says that a study is complete, as a function without a database.
- `content`: which instances a study consists of, and whether it is annotated.
- `close`: judges the studies that are due; a changed study gets its next version.
"""
