"""The handoff service: shipments become studies, studies become batches, batches become exactly one run each.

Read in this order:

- `contract`: what the zones say to each other; the only part that the trusted zone knows.
- `errors`: every error with its code and remedy.
- `settings`, `home`: what a site decides, and where everything lies.
- `http_client`: how a server that a site names is called.
- `database`, `store`, `receipts`: what is durable, and what is signed once it is.
- `shipments`, `evidence`, `labels`: what comes in.
- `studies`: when what came in is complete.
- `batches`: immutable data sets of complete studies.
- `pipelines`: what may run.
- `handoffs`, `backends`: a decision becomes exactly one run, at one of several engines.
- `results`: what a run left, believed once its digests were re-read.
- `lineage`: what came from what.
- `mirrors`: who else is told of it; `telemetry`: what operators watch.
- `access`, `schemas`, `api`, `service`, `app`: the same by HTTP.
- `serve`, `worker_beside`, `stop`, `logs`, `commands`: the processes.
- `client`: the API for programs, typed.
"""
