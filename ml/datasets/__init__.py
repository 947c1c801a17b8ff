"""What a batch says, and the cases that it makes.

- `batch`: the lines of a batch by kind, and the bytes of one instance of a package.
- `cases`: prepared volumes joined with their labels by references, split by patient.
"""
