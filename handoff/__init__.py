"""The handoff service: shipments become studies, studies become batches, batches become exactly one run each.

Read in this order:

- `contract`: what the zones say to each other; the only part that the trusted zone knows.
- `errors`: every error with its code and remedy; `unfit`: what may be at a place that was refused.
- `settings`, `targets`, `pools`, `home`: what a site decides, and where everything lies.
- `http_client`: how a server that a site names is called.
- `database`, `store`, `receipts`: what is durable, and what is signed once it is.
- `bulk`: large bodies, read by a process of their own.
- `shipments`, `documents`, `evidence`, `labels`: what comes in.
- `studies`: when what came in is complete.
- `batches`: immutable data sets of complete studies.
- `pipelines`: what may run.
- `handoffs`, `backends`: a decision becomes exactly one run, at one of several engines.
- `rules`: what a project decides by itself.
- `results`: what a run left, believed once its digests were re-read.
- `models`: versions that training runs made, and the aliases that passed a gate.
- `lineage`: what came from what.
- `withdrawals`: what may be used no more, and every copy of it.
- `mirrors`: who else is told of it; `telemetry`: what operators watch.
- `access`, `schemas`, `api`, `service`, `app`: the same by HTTP.
- `serve`, `connections`, `body_socket`, `drain`, `stop`, `alive`, `file_lock`, `loop`, `worker_beside`, `logs`,
  `commands`: the processes.
- `operations`: backup, restore, readiness, what is forgotten.
- `client`: the API for programs, typed; `cli`: the commands over it.
"""
