"""Studies: what arrived of one pseudonymous study, and when it is complete.

- `arrive`: something of a study came in; it is open again.
- `accounts`: what evidence stronger than silence misses, and whether it speaks of all that is here.
- `judge`: whether evidence says that a study is complete, as a function without a database.
- `weigh`: puts together what the database knows of a study, for `judge`.
- `current`: reads and marks the instances of a study that are not withdrawn.
- `content`: which instances a study consists of, and whether it is annotated.
- `close`: judges the studies that are due; a changed study gets its next version.
- `force`: a person's word closes a study upon what is here.
"""
