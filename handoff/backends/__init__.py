"""Engines behind one interface.

- `interface`: what every engine can do.
- `kfp_local`: runs compiled pipelines on this machine, one folder and one process group per run.
- `kfp_local_run`: the process that owns such a run; outlives the worker.
- `kfp_local_steps`: the process inside it that lets kfp run the steps.
- `processes`: who belongs to a run's process group.
- `kfp`: runs on a cluster, by Kubeflow Pipelines' HTTP API.
- `kfp_prepare`: the target, written into a copy of the committed YAML.
- `kfp_names`: what our runs are called there, and what they say of themselves.
- `kfp_client`: the few calls that we make, through Kubeflow's own clients.
- `kfp_answers`: what a failed call says: surely nothing was made, or it may have been.
- `kfp_states`: what a run's state there means here.
- `kfp_problems`: what can be wrong there, in plain words.
- `kserve`: one served model, by the Open Inference Protocol.
- `make`: the backend of a target.
- `check`: whether a target could run something now.
"""
