"""Kubeflow Pipelines' v2beta1 API over HTTP for tests, answering as its API server 2.17 does, with faults on demand.

In reading order:

- `service`: listens, takes one request at a time through authentication, faults, operation, journal.
- `routes`: which operation a method and a path name.
- `messages`: the documented fields; what else a body has is refused.
- `errors`, `answers`: refusals and messages in the gateway's shape.
- `experiments`, `pipelines`, `recurring_runs`, `runs`: the operations.
- `specs`: reads pipeline packages, and checks a run's parameters against them.
- `listings`, `filters`: pages, order and predicates.
- `database`: the tables, and MySQL's way to compare names.
- `argo`: the workflows beside the runs: what really was started, orphans included, and how it goes on.
- `execute`: how a workflow's steps really run here.
- `faults`: refused, lost, late, slow, by seed.
- `journal`: one line per request, for tests to judge by.
- `control`: changes faults and script while it runs, on a port of its own.
- `process`: starts, stops and kills it from a test, and asks its database.

Run it: `python -m tests.kubeflow_server --folder DIR --port 0`.
"""
