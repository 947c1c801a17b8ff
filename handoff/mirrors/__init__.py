"""Mirrors: other systems that are told what happened here; of them only MLflow is asked, for aliases moved there.

In reading order:

- `settings`: what a site says of each of them.
- `interface`: what telling one needs, and what a failure means.
- `outbox`: where in the log of lineage each mirror is, the rows that it still has to be told, leases.
- `copies`: who has ids and figures of a batch, written down before anything is told.
- `deliver`: the thread of each mirror beside a worker; nothing waits for it.
- `make`: the mirrors that a site has set up.
- `facts`: what there is to tell of a handoff, of a model version and of an alias.
- `post`: one POST, and what its answer means.
- `tell_mlflow`: MLflow; `mlflow_api` has its REST API, `mlflow` finds each run and version before it makes it.
- `heed_mlflow`: an alias that somebody moves at MLflow becomes a promotion that waits.
- `tell_openlineage`: OpenLineage events, to an endpoint and to a file.
- `tell_webhook`: signed messages to subscribers.
"""
