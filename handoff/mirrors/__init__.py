"""Mirrors: other systems that are told what happened here, and are never asked.

In reading order:

- `outbox`: one row for each thing that a mirror is told about, written with the change itself; leases.
- `facts`: what there is to tell of a handoff and of a model version.
- `mlflow_api`: MLflow's REST API, and what a failed call means.
- `mlflow`: a handoff as one MLflow run, a model version as one registered version, found before they are made.
- `deliver`: the thread beside a worker that delivers; nothing waits for it.
"""
