"""What keeps a handoff going for years: copies of it, their return, and what may be forgotten.

In reading order:

- `inventory`: every file that the rows name, with its digest where one is recorded.
- `rows`: all rows of a database as they are at one moment, and back into an empty one.
- `record`: what a backup says of itself; written last, so that half a backup is none.
- `backup`: a copy of everything while the service goes on.
- `restore`: a backup back into an empty home, counted and hashed again.
- `rehome`: what changes when files come back under another address.
- `verify`: whether every file that the rows name is there.
- `readiness`: whether deliveries and decisions can be taken now, part by part.
- `retention`: what is removed after its days, and the thread that does it.
- `commands`: `sluice handoff backup`, `restore` and `verify`.
"""
