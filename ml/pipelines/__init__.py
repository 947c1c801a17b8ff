"""The Kubeflow pipelines, as graphs and as the compiled YAML that is committed beside them.

- `components`: one lightweight component a step; each imports its one function from `ml`.
- `graphs`: prepare, train, retrain, evaluate, infer.
- `compile`: writes the YAML; a test recompiles and compares.
- `registry`: name, YAML and code digest of each pipeline: what a pipeline version is made of.
"""
