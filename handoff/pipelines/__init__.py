"""Pipelines: compiled KFP YAML and the digest of the code that it runs.

- `contract`: what every pipeline must keep.
- `compiled`: what a compiled YAML asks for.
- `register`: keeps a version; the id is the digest of both.
- `template.py.txt`: a small pipeline that keeps the contract, to begin with.
"""

from pathlib import Path

TEMPLATE = Path(__file__).with_name("template.py.txt")
"""Text, for it needs kfp, which a service without local targets does not have."""
