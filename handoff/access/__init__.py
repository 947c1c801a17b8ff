"""Who may do what.

- `permissions`: the table of roles and what each may do.
- `principal`: who a request is from, and which projects it may touch.
- `tokens`: bearer tokens, known by their digests.
"""
