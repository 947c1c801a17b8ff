"""Engines behind one interface.

- `interface`: what every engine can do.
- `kfp_local`: runs compiled pipelines on this machine, one folder and one process group per run.
- `kfp_local_run`: the process that owns such a run; outlives the worker.
- `kfp_local_steps`: the process inside it that lets kfp run the steps.
- `make`: the backend of a target.
- `processes`: who belongs to a run's process group.
"""
