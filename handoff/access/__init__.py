"""Who may do what.

- `tokens`: bearer tokens, known by their digests.
"""
