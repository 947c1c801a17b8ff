"""Pipelines: compiled KFP YAML and the digest of the code that it runs.

- `contract`: what every pipeline must keep.
- `compiled`: what a compiled YAML asks for.
- `register`: keeps a version; the id is the digest of both.
"""
