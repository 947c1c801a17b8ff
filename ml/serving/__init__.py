"""One registered model behind the Open Inference Protocol: the `infer` pipeline's own code, with the model kept loaded.

In reading order:

- `errors`: what a request is refused for, each with its HTTP status.
- `roots`: the folders that a request may name, and no other.
- `served_model`: the model and what it says of itself.
- `record`: what is known of one served run on disk; a crash in the middle is taken up from there.
- `runs`: starts a run once per key, some at a time.
- `protocol`: requests and answers of the protocol, as KServe gives and takes them.
- `gate`: which requests reach KServe at all.
- `server`: KServe's ModelServer on the address that was asked for.
- `logs`: events as JSON lines.
- `commands`: `sluice serve-model`.

KServe is imported by `protocol` and `server` alone, and only when a model is served.
"""
